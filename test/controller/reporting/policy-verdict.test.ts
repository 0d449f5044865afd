import { describe, expect, test } from "vitest";
import {
  newsOf,
  ownConditions,
  planConfigurationStatus,
} from "../../../src/controller/reporting/configuration-status.ts";
import { policyVerdict } from "../../../src/controller/reporting/policy-verdict.ts";
import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import type { IpAddress } from "../../../src/core/net/ip-address.ts";
import type { Condition } from "../../../src/kube/condition.ts";
import {
  type AddressPolicyObject,
  decodeAddressPolicy,
} from "../../../src/kube/decode/address-policy.ts";
import { poolOf } from "../../core/allocation/pools.ts";
import { ip } from "../../core/net/arbitraries.ts";

const now = new Date("2026-01-02T03:04:05Z");
const pools = [poolOf("web", ["192.0.2.0/24"]), poolOf("mail", ["192.0.3.0/24"])];

const metadata = { name: "lan", uid: "u1", resourceVersion: "7", generation: 2 };

function policy(spec: object, status: object = {}): AddressPolicyObject {
  return decodeAddressPolicy({ metadata, spec, status });
}

/** What is to be written and told of a policy; undefined: it says so already. */
function plan(object: AddressPolicyObject, inUse: readonly IpAddress[] = [], known = pools) {
  const verdict = policyVerdict(object, known, inUse);
  const { conditions, ...numbers } = object.written;
  const status: { readonly conditions?: readonly Condition[] } | undefined =
    planConfigurationStatus({ conditions, numbers }, verdict, ownConditions.policy, now);
  return status && { status, news: newsOf(conditions, verdict.conditions) };
}

/** The policy as it is after its status was written. */
function written(spec: object, inUse: readonly IpAddress[] = []): AddressPolicyObject {
  return policy(spec, plan(policy(spec), inUse)?.status);
}

describe("the status of a policy", () => {
  test("says for how many pools it is in force, and which of those that it names are not there", () => {
    const change = plan(policy({ ipAddressPools: ["web", "gone"] }));
    expect(change).toEqual({
      status: {
        observedGeneration: 2,
        pools: 1,
        conditions: [
          {
            type: "Accepted",
            status: "True",
            reason: "Accepted",
            message: "in force for 1 of 2 pools; there is no pool gone",
            lastTransitionTime: "2026-01-02T03:04:05Z",
          },
        ],
      },
      news: [],
    });
  });

  test("costs no write once it says so", () => {
    expect(plan(written({}))).toBeUndefined();
    const more: readonly IpAddressPool[] = [...pools, poolOf("new", ["192.0.4.0/24"])];
    expect(plan(written({}), [], [...more])?.status).toMatchObject({ pools: 3 });
  });

  test("is written anew for a new generation, though it says the same", () => {
    const old = written({});
    const { pools: count, conditions } = old.written;
    const status = { pools: count, conditions, observedGeneration: 1 };
    expect(plan(policy({}, status))?.status).toMatchObject({ observedGeneration: 2 });
  });

  test("says what cannot be read, as news once", () => {
    const spec = { excludedAddresses: ["nonsense"] };
    const change = plan(policy(spec));
    expect(change?.news).toMatchObject([
      { type: "Accepted", status: "False", reason: "ConfigurationInvalid" },
    ]);
    expect(change?.news[0]?.message).toContain('"nonsense" is neither a CIDR prefix nor a range');
    expect(plan(written(spec))).toBeUndefined();
    const mended = policy({}, plan(policy(spec))?.status);
    expect(plan(mended)?.news).toMatchObject([{ type: "Accepted", status: "True" }]);
  });

  test("counts pools that are not there beyond eight", () => {
    const names = Array.from({ length: 256 }, (_, n) => `${n}`.padStart(253, "x"));
    const spec = { ipAddressPools: names };
    const [accepted] = plan(policy(spec))?.status.conditions ?? [];
    expect(accepted?.message).toMatch(/there is no pool x+0, .*, and 248 more$/);
    expect(plan(written(spec))).toBeUndefined();
  });

  test("names excluded addresses that are held, eight at most, until none is", () => {
    const inUse = Array.from({ length: 12 }, (_, n) => ip(`192.0.2.${n}`));
    const change = plan(policy({}), inUse);
    expect(change?.news).toMatchObject([{ type: "ExcludedInUse", reason: "AddressExcluded" }]);
    expect(change?.news[0]?.message).toMatch(/: 192\.0\.2\.0, .*, 192\.0\.2\.7, and 4 more$/);
    expect(plan(written({}, inUse), inUse)).toBeUndefined();
    const more = [...pools, poolOf("new", ["192.0.4.0/24"])];
    expect(plan(written({}, inUse), inUse, more)?.news).toEqual([]);
    const types = (it: typeof change) => it?.status.conditions?.map(({ type }) => type);
    expect(types(change)).toEqual(["Accepted", "ExcludedInUse"]);
    const after = plan(written({}, inUse), []);
    expect(types(after)).toEqual(["Accepted"]);
    expect(after?.news).toEqual([]);
  });
});
