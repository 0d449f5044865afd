import fc from "fast-check";
import { expect, test } from "vitest";
import { AddressSet } from "../../../src/core/net/address-set.ts";
import { formatIpAddress, type IpFamily } from "../../../src/core/net/ip-address.ts";
import type { IpRange } from "../../../src/core/net/ip-range.ts";
import { ip, range } from "./arbitraries.ts";

/** The same numbers in both families: who mixes them up is found. */
const number = fc.nat({ max: 20 });
const family = fc.constantFrom<IpFamily>(4, 6);
const someRange = fc
  .tuple(family, number, fc.nat({ max: 4 }))
  .map(([family, first, length]): IpRange => {
    return { family, first: BigInt(first), last: BigInt(first + length) };
  });

function textsOf({ family, first, last }: IpRange): readonly string[] {
  const length = Number(last - first) + 1;
  return Array.from({ length }, (_, at) => formatIpAddress(family, first + BigInt(at)));
}

const change = fc.record({
  kind: fc.constantFrom("range", "add", "delete"),
  range: someRange,
});

function carryOut(
  { kind, range }: { readonly kind: "range" | "add" | "delete"; readonly range: IpRange },
  set: AddressSet,
  model: Set<string>,
): void {
  const [first = "", ...others] = textsOf(range);
  if (kind === "range") {
    set.addRange(range);
    [first, ...others].map((text) => model.add(text));
  } else {
    set[kind](ip(first));
    model[kind](first);
  }
}

test("keeps the addresses of both families as a plain set of texts does", () => {
  fc.assert(
    fc.property(fc.array(someRange), fc.array(change), someRange, (start, changes, asked) => {
      const set = new AddressSet(start);
      const model = new Set(start.flatMap(textsOf));
      for (const one of changes) {
        carryOut(one, set, model);
      }
      const texts = textsOf(asked);
      const members = texts.filter((text) => model.has(text));
      expect(texts.filter((text) => set.has(ip(text)))).toEqual(members);
      const of = ({ first, last }: { readonly first: bigint; readonly last: bigint }) =>
        textsOf({ family: asked.family, first, last });
      expect(set.membersIn(asked).flatMap(of)).toEqual(members);
      expect(set.gapsIn(asked).flatMap(of)).toEqual(texts.filter((text) => !model.has(text)));
      const [lowest] = set.membersIn(asked);
      expect(set.firstIn(asked)).toEqual(lowest && { family: asked.family, ...lowest });
    }),
  );
});

test("the first members of a range end with the range", () => {
  const set = new AddressSet([range("192.0.2.8-192.0.2.20"), range("192.0.2.30/32")]);
  expect(set.firstIn(range("192.0.2.0-192.0.2.10"))).toEqual(range("192.0.2.8-192.0.2.10"));
  expect(set.firstIn(range("192.0.2.21-192.0.2.29"))).toBeUndefined();
  expect(set.firstIn(range("2001:db8::/64"))).toBeUndefined();
});
