import { beforeEach, describe, expect, test } from "vitest";
import type { ClusterStatus } from "../../../src/cli/status/cluster-status.ts";
import { formatStatus } from "../../../src/cli/status/format-status.ts";
import { readStatus } from "../../../src/cli/status/read-status.ts";
import { expectGolden } from "../golden.ts";
import {
  addLease,
  addNode,
  ago,
  inspectSettings,
  now,
  RawCluster,
} from "../inspect/raw-cluster.ts";

const { configNamespace: namespace } = inspectSettings;

let cluster: RawCluster;

beforeEach(() => {
  cluster = new RawCluster();
});

async function status(): Promise<ClusterStatus> {
  return await readStatus(cluster.reading(), inspectSettings, () => now);
}

/** At 80 columns. */
async function expectTold(golden: string): Promise<void> {
  const file = new URL(`${golden}.txt`, import.meta.url);
  expectGolden(file, formatStatus(await status(), now, 80));
}

function condition(type: string, state: string, message: string): object {
  const reason = type.split("/").at(-1) ?? "";
  const spoken = reason === "Valid" && state === "False" ? "ConfigurationInvalid" : reason;
  return { type, status: state, reason: spoken, message, lastTransitionTime: ago(60) };
}

function addPool(name: string, addresses: readonly string[], rest: object): void {
  const metadata = { name, namespace };
  cluster.put("ipaddresspools", { metadata, spec: { addresses }, status: rest } as never);
}

/** Pools and nodes of which some are in trouble. */
function addBusyCluster(): void {
  addLease(cluster, "steelyard-controller", "steelyard-controller-5d9-x7k2p_0a1b", 2);
  const failure = {
    ...{ address: "192.0.2.7", reason: "LinkFailed" },
    message: "eth0: Operation not permitted",
  };
  addNode(cluster, "node-1", { announced: 7, failures: [failure] });
  addNode(cluster, "node-2", { announced: 5 });
  addNode(cluster, "node-3", { announced: 9, heardAgo: 3_600 });
  const excluded = { "node.kubernetes.io/exclude-from-external-load-balancers": "" };
  addNode(cluster, "node-4", { labels: excluded });
  cluster.put("nodes", { metadata: { name: "node-5" } });
  for (const [name, node] of [
    ["b1", "node-1"],
    ["b2", "node-1"],
    ["b3", "node-2"],
  ]) {
    const spec = { advertisements: ["default"], owner: { node }, standbys: [] };
    cluster.put("l2bundles", { metadata: { name }, spec } as never);
  }
  const overlap = "192.0.2.8-192.0.2.15 overlaps with IPAddressPool office, which gives it";
  addPool("public", ["192.0.2.0/28", "2001:db8:0:2::/64"], {
    ...{ assignedIPv4: 12, availableIPv4: 4, assignedIPv6: 1 },
    availableIPv6: Number.MAX_SAFE_INTEGER,
    conditions: [
      condition("steelyard.dev/Valid", "True", "it can be read as it stands"),
      condition("steelyard.dev/PoolOverlap", "True", overlap),
    ],
  });
  addPool("office", ["192.0.2.8-192.0.2.63"], { assignedIPv4: 0, availableIPv4: 56 });
  cluster.put("l2advertisements", {
    metadata: { name: "lan", namespace },
    ...{ spec: {}, status: { conditions: [condition("steelyard.dev/Valid", "False", "wrong")] } },
  } as never);
}

describe("one screen tells of the cluster", () => {
  test("with trouble of every kind", async () => {
    addBusyCluster();
    await expectTold("busy");
  });

  test("that nobody leads any more", async () => {
    addLease(cluster, "steelyard-controller", "steelyard-controller-5d9-x7k2p_0a1b", 4_000);
    addPool("office", ["192.0.2.8-192.0.2.63"], {});
    await expectTold("leaderless");
  });

  test("in which nothing was set up yet", async () => {
    await expectTold("empty");
  });

  test("as far as the user may know, and says what he lacks", async () => {
    addBusyCluster();
    for (const plural of ["nodes", "leases", "ipaddresspools"]) {
      cluster.forbidden.add(plural);
    }
    await expectTold("unread");
  });
});

test("for programs it is this, which docs/commands.md describes", async () => {
  addBusyCluster();
  const text = `${JSON.stringify(await status(), undefined, 2)}\n`;
  expectGolden(new URL("busy.json", import.meta.url), text);
});

test("a node of which nothing was heard for long announces nothing, whatever its last report says", async () => {
  addBusyCluster();
  const { nodes } = await status();
  const silent = nodes?.find(({ node }) => node === "node-3");
  expect(silent).toMatchObject({ speaker: "silent", reason: "SpeakerSilent", failures: [] });
  expect(silent?.announced).toBeUndefined();
});
