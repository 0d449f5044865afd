import fc from "fast-check";
import type { AddressPolicy } from "../../../src/core/model/address-policy.ts";
import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import { absentService, type Service } from "../../../src/core/model/service.ts";
import {
  familyOf,
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  toNumber,
} from "../../../src/core/net/ip-address.ts";
import { range } from "../net/arbitraries.ts";
import { AllocationWorld } from "./allocation-world.ts";

const four = 0xc000_0200n;
const six = 0x2001_0db8n << 96n;

/** Few addresses, few names: everything collides with everything. */
const address = fc
  .tuple(fc.constantFrom<IpFamily>(4, 6), fc.nat({ max: 15 }))
  .map(([family, n]) => formatIpAddress(family, (family === 4 ? four : six) + BigInt(n)));

const rangeText = fc
  .tuple(fc.constantFrom<IpFamily>(4, 6), fc.nat({ max: 15 }), fc.nat({ max: 6 }))
  .map(([family, first, length]) => {
    const base = family === 4 ? four : six;
    const last = Math.min(15, first + length);
    return `${formatIpAddress(family, base + BigInt(first))}-${formatIpAddress(family, base + BigInt(last))}`;
  });

const pool: fc.Arbitrary<IpAddressPool> = fc.record({
  name: fc.constantFrom("p", "q", "r"),
  labels: fc.constant({}),
  ranges: fc.array(rangeText, { minLength: 1, maxLength: 3 }).map((texts) => texts.map(range)),
  autoAssign: fc.boolean(),
  avoidBuggyIPs: fc.boolean(),
  serviceAllocation: fc.option(
    fc.record({
      priority: fc.nat({ max: 2 }),
      namespaces: fc.subarray(["a", "b"]),
      namespaceSelectors: fc.constant([]),
      serviceSelectors: fc.constant([]),
    }),
    { nil: undefined, freq: 3 },
  ),
});

/** Rare cases must not hide the common one: `common` five times out of six. */
function mostly<T>(common: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: rare });
}

const keys = ["a/one", "a/two", "b/one", "b/two"] as const;

/** A Service with any request. */
export const service: fc.Arbitrary<Service> = fc
  .record({
    key: fc.constantFrom(...keys),
    wantsAddress: mostly(true, fc.constant(false)),
    families: fc.constantFrom<readonly IpFamily[]>([4], [4], [6], [4, 6], [6, 4], []),
    familyPolicy: fc.constantFrom("SingleStack", "PreferDualStack", "RequireDualStack"),
    wish: fc.record({
      addresses: fc.oneof(
        { weight: 1, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.uniqueArray(address, { minLength: 1, maxLength: 2 }) },
      ),
      source: fc.constant("spec.loadBalancerIP"),
      pool: mostly(undefined, fc.constantFrom("p", "q", "missing")),
      error: mostly(undefined, fc.constant("cannot be read")),
    }),
    sharing: fc.option(
      fc.record({
        key: fc.constantFrom("x", "x", "y"),
        backend: fc.constantFrom("", "", "", "app=web"),
      }),
      { nil: undefined },
    ),
    ports: fc
      .uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 })
      .map((ports) => ports.map((port) => ({ protocol: "TCP", port }))),
    externalIPs: fc.array(address, { maxLength: 1 }),
    statusAddresses: fc.array(address, { maxLength: 2 }),
  })
  .map(({ familyPolicy, ...rest }) => ({
    ...absentService(rest.key),
    ...rest,
    // The API server gives a SingleStack Service one family.
    families: familyPolicy === "SingleStack" ? rest.families.slice(0, 1) : rest.families,
    familyPolicy: familyPolicy as Service["familyPolicy"],
    uid: rest.key,
  }));

/** One thing that happens. */
export type Step =
  | { readonly kind: "service"; readonly service: Service }
  /** Another controller served it before us. */
  | { readonly kind: "inherited"; readonly service: Service }
  /** We are new; the first of all is the oldest, or the last. */
  | { readonly kind: "takeOver"; readonly reversed: boolean }
  | { readonly kind: "exclude"; readonly address: IpAddress }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "pool"; readonly pool: IpAddressPool }
  | { readonly kind: "removePool"; readonly name: string }
  | { readonly kind: "deny"; readonly address: IpAddress }
  | { readonly kind: "cooled" }
  | { readonly kind: "networks"; readonly known: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: service.map((it) => ({ kind: "service" as const, service: it })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...keys).map((key) => ({ kind: "delete" as const, key })),
  },
  { weight: 3, arbitrary: pool.map((it) => ({ kind: "pool" as const, pool: it })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("p", "q").map((name) => ({ kind: "removePool" as const, name })),
  },
  { weight: 3, arbitrary: address.map((it) => ({ kind: "deny" as const, address: it })) },
  { weight: 1, arbitrary: fc.constant({ kind: "cooled" as const }) },
  { weight: 1, arbitrary: fc.boolean().map((known) => ({ kind: "networks" as const, known })) },
  { weight: 3, arbitrary: service.map((it) => ({ kind: "inherited" as const, service: it })) },
  {
    weight: 2,
    arbitrary: fc.boolean().map((reversed) => ({ kind: "takeOver" as const, reversed })),
  },
  { weight: 2, arbitrary: address.map((it) => ({ kind: "exclude" as const, address: it })) },
);

function excluding(it: IpAddress): AddressPolicy {
  const value = toNumber(it);
  return {
    name: it,
    pools: [],
    poolSelectors: [],
    profile: "Compatible",
    excluded: [{ family: familyOf(it), first: value, last: value }],
    reuseDelayMs: undefined,
    sharingScope: undefined,
    refusedAtAdmission: undefined,
  };
}

/** Takes a step; returns the Service to decide about now, if it is about one. */
export function take(world: AllocationWorld, it: Step): string | undefined {
  switch (it.kind) {
    case "service":
      world.putService(it.service.key, it.service);
      return it.service.key;
    case "inherited":
      world.putService(it.service.key, it.service);
      world.takeOver([...world.services.keys()].sort());
      return it.service.key;
    case "takeOver": {
      const all = [...world.services.keys()].sort();
      world.takeOver(it.reversed ? all.toReversed() : all);
      return undefined;
    }
    case "exclude":
      world.policies.set(it.address, excluding(it.address));
      world.networksChanged();
      return undefined;
    case "delete":
      world.putService(it.key, undefined);
      return it.key;
    case "pool":
      world.putPool(it.pool);
      return undefined;
    case "removePool":
      world.removePool(it.name);
      return undefined;
    case "deny":
      world.apiServers.push(it.address);
      world.networksChanged();
      return undefined;
    case "cooled":
      for (const { address: cooled, state } of [...world.ledger.allocations()]) {
        if (state === "Cooling") {
          world.ledger.remove(cooled);
        }
      }
      return undefined;
    case "networks":
      world.networksKnown = it.known;
      return undefined;
  }
}

/** It begins with a pool that has everything, so that most wishes can come true. */
const everything: Step = {
  kind: "pool",
  pool: {
    name: "r",
    labels: {},
    ranges: [
      { family: 4, first: four, last: four + 15n },
      { family: 6, first: six, last: six + 15n },
    ],
    autoAssign: true,
    avoidBuggyIPs: false,
    serviceAllocation: undefined,
  },
};

/** What happens to a small world, one step after the other. */
export const history = fc
  .array(step, { minLength: 1, maxLength: 40, size: "max" })
  .map((steps) => [everything, ...steps]);

/** Runs a history, calling `check` around each decision. */
export function play(
  steps: readonly Step[],
  check: (world: AllocationWorld, key: string, decideNow: () => void) => void,
): void {
  const world = new AllocationWorld();
  for (const it of steps) {
    const key = take(world, it);
    for (const changed of key === undefined ? [...world.services.keys()] : [key]) {
      check(world, changed, () => world.settle(changed));
    }
  }
}
