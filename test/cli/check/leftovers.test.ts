import { describe, expect, test } from "vitest";
import { findLeftovers } from "../../../src/cli/check/cluster-leftovers.ts";
import { leftovers, type ServiceState } from "../../../src/cli/check/leftovers.ts";
import { ApiError } from "../../../src/kube/api-error.ts";

const service = { namespace: "metallb-system", name: "metallb-webhook-service" };

function registration(rules: readonly object[], more: object = {}): object {
  return {
    metadata: { name: "metallb-webhook-configuration" },
    webhooks: [{ name: "w", clientConfig: { service }, rules, ...more }],
  };
}

const pools = [{ apiGroups: ["metallb.io"], resources: ["ipaddresspools"] }];

function definition(group: string, strategy: string): object {
  const webhook = { clientConfig: { service } };
  return {
    metadata: { name: `bgppeers.${group}` },
    spec: { group, conversion: strategy === "Webhook" ? { strategy, webhook } : { strategy } },
  };
}

function found(
  state: ServiceState,
  registrations: object[],
  definitions: object[] = [],
): readonly string[] {
  const all = leftovers({ registrations, definitions, stateOf: () => state });
  return all.map(({ message, command }) => `${message} | ${command}`);
}

describe("what MetalLB left behind", () => {
  test("is a webhook whose Service is gone, with the command that removes it", () => {
    expect(found("gone", [registration(pools)])).toEqual([
      "the API server asks Service metallb-system/metallb-webhook-service, which does not exist, about writes of " +
        "metallb.io and refuses them meanwhile | " +
        "kubectl delete validatingwebhookconfiguration metallb-webhook-configuration",
    ]);
  });

  test("is a webhook behind whose Service nobody answers", () => {
    expect(found("unanswered", [registration(pools)])).toEqual([
      expect.stringContaining("behind which no Pod is ready"),
    ]);
  });

  test("is a conversion by a Service that is gone", () => {
    expect(found("gone", [], [definition("metallb.io", "Webhook")])).toEqual([
      expect.stringContaining(
        `kubectl patch crd bgppeers.metallb.io --type=merge -p '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'`,
      ),
    ]);
  });

  test.each<[string, ServiceState, object[], object[]]>([
    ["a webhook that is answered", "answered", [registration(pools)], []],
    ["one that lets everything in", "gone", [registration(pools, { failurePolicy: "Ignore" })], []],
    ["one about other kinds", "gone", [registration([{ apiGroups: ["apps"] }])], []],
    [
      "one outside the cluster",
      "gone",
      [registration(pools, { clientConfig: { url: "https://x" } })],
      [],
    ],
    ["a definition that converts nothing", "gone", [], [definition("metallb.io", "None")]],
    ["a conversion of others", "gone", [], [definition("example.com", "Webhook")]],
  ])("is not %s", (_, state, registrations, definitions) => {
    expect(found(state, registrations, definitions)).toEqual([]);
  });
});

test("what may not be looked for is a problem, and no end of the whole check", async () => {
  const words = "validatingwebhookconfigurations is forbidden";
  const answer = new ApiError({ status: 403, reason: "Forbidden", message: words });
  expect(await findLeftovers({ request: () => Promise.reject(answer) })).toEqual({
    findings: [],
    problems: [`cluster: what MetalLB may have left cannot be looked for: ${words}`],
  });
});
