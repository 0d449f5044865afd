import fc from "fast-check";
import { expect, test } from "vitest";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import { findJoinConflict, reasonNotToShare } from "../../../src/core/allocation/sharing.ts";
import { sharingScopes } from "../../../src/core/model/address-policy.ts";
import type { Holder, IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import { formatIpAddress, type IpAddress, toNumber } from "../../../src/core/net/ip-address.ts";
import type { IpRange } from "../../../src/core/net/ip-range.ts";

const first = 0xc0_00_02_00n;
const range: IpRange = { family: 4, first, last: first + 15n };

const holder: fc.Arbitrary<Holder> = fc
  .record({
    namespace: fc.constantFrom("a", "b"),
    name: fc.constantFrom("one", "two", "three"),
    ports: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }),
    key: fc.constantFrom("", "x", "y"),
    backend: fc.constantFrom("", "", "app=web"),
  })
  .map(({ namespace, name, ports, key, backend }) => ({
    namespace,
    name,
    uid: `${namespace}/${name}`,
    ports: ports.map((port) => ({ protocol: "TCP", port })),
    ...(key === "" ? {} : { sharing: { key, backend } }),
  }));

const allocation: fc.Arbitrary<IpAllocation> = fc.record({
  address: fc.bigInt({ min: first, max: first + 17n }).map((value) => formatIpAddress(4, value)),
  pool: fc.constant("p"),
  holders: fc.uniqueArray(holder, { minLength: 1, maxLength: 3, selector: ({ uid }) => uid }),
  state: fc.constantFrom("Allocated", "Allocated", "Allocated", "Cooling", "Quarantined"),
  bundle: fc.constant(undefined),
});

/** What the index says, one after the other. */
function friends(
  ledger: Ledger,
  sharer: Holder,
  scope: (typeof sharingScopes)[number],
): IpAddress[] {
  const found: IpAddress[] = [];
  let next = ledger.nextFriend("Allocated", sharer, scope, range, range.first);
  while (next !== undefined) {
    found.push(next);
    next = ledger.nextFriend("Allocated", sharer, scope, range, toNumber(next) + 1n);
  }
  return found;
}

test("no address that a Service could join is passed over, and none is offered without a friend on it", () => {
  const steps = fc.array(
    fc.oneof(
      allocation,
      allocation.map(({ address }) => address),
    ),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(steps, holder, fc.constantFrom(...sharingScopes), (history, sharer, scope) => {
      const ledger = new Ledger();
      for (const step of history) {
        if (typeof step === "string") {
          ledger.remove(step);
        } else {
          ledger.put(step);
        }
      }
      const held = [...ledger.allocations()]
        .filter(({ state, address }) => state === "Allocated" && toNumber(address) <= range.last)
        .sort((a, b) => (toNumber(a.address) < toNumber(b.address) ? -1 : 1));
      const offered = friends(ledger, sharer, scope);
      const others = held.filter(({ holders }) => holders.every(({ uid }) => uid !== sharer.uid));
      const joinable = others.filter((it) => findJoinConflict(sharer, it, scope) === undefined);
      expect(offered).toEqual(expect.arrayContaining(joinable.map(({ address }) => address)));
      expect(offered.length === 0 || ledger.hasFriends(sharer, [4])).toBe(true);
      expect(ledger.hasFriends(sharer, [6])).toBe(false);
      for (const address of offered) {
        const holders = ledger.get(address)?.holders ?? [];
        expect(holders.some((it) => reasonNotToShare(sharer, it, scope) === undefined)).toBe(true);
      }
      expect([...offered].sort((a, b) => (toNumber(a) < toNumber(b) ? -1 : 1))).toEqual(offered);
    }),
  );
});

test("ten thousand friends that all use one's port are passed over at once", () => {
  const ledger = new Ledger();
  const wide: IpRange = { family: 4, first, last: first + 9_999n };
  const ports = [{ protocol: "TCP", port: 443 }];
  const sharing = { key: "x", backend: "" };
  for (let n = 0; n < 10_000; n += 1) {
    const name = `s${n}`;
    const holders = [{ namespace: "a", name, uid: name, ports, sharing }];
    const address = formatIpAddress(4, first + BigInt(n));
    ledger.put({ address, pool: "p", holders, state: "Allocated", bundle: undefined });
  }
  const asked = { namespace: "b", name: "t", ports, sharing };
  expect(ledger.nextFriend("Allocated", asked, "Cluster", wide, wide.first)).toBeUndefined();
  const other = { ...asked, ports: [{ protocol: "UDP", port: 443 }] };
  expect(ledger.nextFriend("Allocated", other, "Cluster", wide, wide.first)).toBe("192.0.2.0");
});

test("a port that is given up, or with an address is gone, is no longer in a friend's way", () => {
  const ledger = new Ledger();
  const sharing = { key: "x", backend: "" };
  const held = (address: bigint, port: number): IpAllocation => ({
    address: formatIpAddress(4, address),
    pool: "p",
    holders: [
      { namespace: "a", name: "one", uid: "1", ports: [{ protocol: "TCP", port }], sharing },
    ],
    state: "Allocated",
    bundle: undefined,
  });
  const friend = { namespace: "b", name: "two", ports: [{ protocol: "TCP", port: 80 }], sharing };
  const next = (): IpAddress | undefined =>
    ledger.nextFriend("Allocated", friend, "Cluster", range, range.first);
  ledger.put(held(first, 80));
  ledger.put(held(first + 1n, 80));
  expect(next()).toBeUndefined();
  ledger.put(held(first + 1n, 81));
  expect(next()).toBe("192.0.2.1");
  ledger.remove(formatIpAddress(4, first));
  ledger.put(held(first, 82));
  expect(next()).toBe("192.0.2.0");
  ledger.remove(formatIpAddress(4, first));
  expect(ledger.hasFriends(friend, [4])).toBe(true);
  ledger.remove(formatIpAddress(4, first + 1n));
  expect(ledger.hasFriends(friend, [4])).toBe(false);
});
