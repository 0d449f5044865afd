import { beforeEach, describe, expect, test } from "vitest";
import { ConfigurationStates } from "../../../src/controller/reporting/configuration-states.ts";
import { decodeConfigurationState } from "../../../src/kube/decode/configuration-state.ts";
import { decodeIpAddressPool } from "../../../src/kube/decode/ip-address-pool.ts";
import { decodeL2Advertisement } from "../../../src/kube/decode/l2-advertisement.ts";
import { decodeL2Speaker } from "../../../src/kube/decode/l2-speaker.ts";
import { decodeNamespace } from "../../../src/kube/decode/namespace.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { configNamespace, KnownCluster } from "../known-cluster.ts";

let cluster: KnownCluster;
let states: ConfigurationStates;

const object = (name: string, rest: object = {}): object => ({
  metadata: { name, namespace: configNamespace, uid: name, resourceVersion: cluster.api.version() },
  ...rest,
});

beforeEach(() => {
  cluster = new KnownCluster();
  cluster.stores.pools.onChange(() => cluster.configuration.refresh());
  states = new ConfigurationStates({ ...cluster, configNamespace, log: silentLog });
  states.start();
  void states.run(new AbortController().signal);
});

/** The kind is there, and what is written to it is seen. */
async function settle(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    const known = cluster.api.list("configurationstates").map(decodeConfigurationState);
    cluster.stores.configurationStates.replace(
      new Map(known.map((one) => [one.key, one])),
      cluster.api.version(),
    );
    await cluster.clock.advance(2_000);
  }
}

function state(name: string): Record<string, unknown> | undefined {
  return cluster.api.get("configurationstates", `${configNamespace}/${name}`)?.status;
}

/** A version of the API that nothing has had yet. */
function newVersion(): string {
  const name = `n${cluster.api.version()}`;
  cluster.create("/api/v1/namespaces", { name });
  return cluster.api.version();
}

function putPool(name: string, ...addresses: readonly string[]): void {
  newVersion();
  cluster.stores.pools.upsert(decodeIpAddressPool(object(name, { spec: { addresses } })));
}

function join(node: string, reports: boolean): void {
  cluster.create("/api/v1/nodes", { name: node });
  cluster.stores.nodes.upsert(decodeNode({ metadata: cluster.api.get("nodes", node)?.metadata }));
  const status = reports ? { status: {} } : {};
  const metadata = { name: node, uid: node, resourceVersion: newVersion() };
  cluster.stores.speakers.upsert(decodeL2Speaker({ metadata, ...status }));
}

describe("the ConfigurationState of the controller", () => {
  test("is Valid while all can be read, in MetalLB's words and under its labels", async () => {
    await settle();
    const [written] = cluster.api.list("configurationstates");
    expect(written?.metadata).toMatchObject({
      name: "controller",
      namespace: configNamespace,
      labels: { "metallb.io/component-type": "controller" },
    });
    expect(written?.status).toMatchObject({
      result: "Valid",
      errorSummary: "",
      conditions: [{ type: "poolReconcilerValid", status: "True", reason: "Reconciled" }],
    });
  });

  test("tells everything that is wrong, a line each, and becomes Valid again; times are of transitions", async () => {
    await settle();
    putPool("b", "nonsense", "192.0.2.9-192.0.2.1");
    putPool("a", "10.0.0.1/33");
    putPool("overlapping", "192.0.2.12/32");
    await settle();
    const wrong = state("controller");
    expect(wrong?.["result"]).toBe("Invalid");
    expect(String(wrong?.["errorSummary"]).split("\n")).toEqual([
      expect.stringMatching(/^configuration error: IPAddressPool a: spec\.addresses\[0\]: /),
      expect.stringMatching(/^IPAddressPool b: spec\.addresses\[0\]: /),
      expect.stringMatching(/^IPAddressPool b: spec\.addresses\[1\]: /),
      "IPAddressPool p1: 192.0.2.12 overlaps with IPAddressPool overlapping, which gives it",
    ]);
    const times = (): string | undefined =>
      JSON.stringify(state("controller")).match(/lastTransitionTime":"[^"]+/)?.[0];
    const before = times();
    putPool("b", "nonsense");
    await settle();
    expect(state("controller")).not.toEqual(wrong);
    expect(times()).toEqual(before);
    for (const name of ["a", "b", "overlapping"]) {
      putPool(name, "198.51.100.0/32");
      cluster.stores.pools.deleteLocal(`${configNamespace}/${name}`, name);
    }
    await settle();
    expect(state("controller")).toMatchObject({ result: "Valid", errorSummary: "" });
    expect(times()).not.toEqual(before);
  });

  test("is made anew when it was deleted, put right when it was edited, and else not written", async () => {
    await settle();
    cluster.api.remove("user", "configurationstates", `${configNamespace}/controller`);
    await settle();
    expect(state("controller")?.["result"]).toBe("Valid");
    cluster.api.edit("user", "configurationstates", `${configNamespace}/controller`, () => ({
      status: { result: "Invalid", errorSummary: "lies" },
    }));
    await settle();
    expect(state("controller")).toMatchObject({ result: "Valid", errorSummary: "" });
    const asked = cluster.asked.length;
    cluster.api.edit("user", "ipaddresspools", `${configNamespace}/p1`, ({ metadata }) => ({
      metadata: { ...metadata, labels: { a: "b" } },
    }));
    cluster.see();
    await settle();
    expect(cluster.asked.length).toBe(asked);
  });

  test("is decided anew when somebody else wrote it before we could", async () => {
    await settle();
    const patches: unknown[] = [];
    cluster.beforeRequest = (asked): void => {
      if (asked.startsWith("PATCH")) {
        cluster.beforeRequest = () => patches.push(state("controller")?.["errorSummary"]);
        cluster.api.edit("user", "configurationstates", `${configNamespace}/controller`, () => ({
          status: { result: "Invalid", errorSummary: "lies", extra: "lies" },
        }));
      }
    };
    putPool("b", "nonsense");
    await settle();
    expect(new Set(patches)).toEqual(new Set(["lies"]));
    expect(state("controller")).toMatchObject({
      result: "Invalid",
      errorSummary: expect.stringContaining("IPAddressPool b: "),
    });
  });

  test("is not looked at for what we write ourselves, such as counters of a pool", async () => {
    await settle();
    let looks = 0;
    states.queue.onWork(() => {
      looks += 1;
    });
    cluster.api.edit("leader", "ipaddresspools", `${configNamespace}/p1`, () => ({
      status: { assignedIPv4: 7 },
    }));
    cluster.see();
    await cluster.clock.advance(2_000);
    expect(looks).toBe(0);
    putPool("b", "nonsense");
    await cluster.clock.advance(2_000);
    expect(looks).toBeGreaterThan(0);
  });

  test("is Unknown while the configuration is gone as a whole", async () => {
    await settle();
    const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    const metadata = { ...going, name: configNamespace, uid: "x", resourceVersion: newVersion() };
    cluster.stores.namespaces.upsert(decodeNamespace({ metadata }));
    await settle();
    expect(state("controller")).toMatchObject({
      result: "Unknown",
      errorSummary: `namespace ${configNamespace} is being deleted`,
      conditions: [{ status: "Unknown", reason: "UnknownError" }],
    });
  });

  test("is not asked for where there is no such kind", async () => {
    putPool("a", "nonsense");
    await cluster.clock.advance(10_000);
    expect(cluster.asked).toEqual([]);
  });
});

describe("the ConfigurationState of a speaker", () => {
  test("belongs to its Node, is Unknown until it has reported, and tells of advertisements", async () => {
    join("n1", true);
    join("n2", false);
    cluster.stores.advertisements.upsert(
      decodeL2Advertisement(object("bad", { spec: { interfaces: ["no name"] } })),
    );
    await settle();
    const first = cluster.api.get("configurationstates", `${configNamespace}/speaker-n1`);
    expect(first?.metadata).toMatchObject({
      name: "speaker-n1",
      labels: { "metallb.io/component-type": "speaker", "metallb.io/node-name": "n1" },
      ownerReferences: [{ kind: "Node", name: "n1", uid: cluster.stores.nodes.get("n1")?.uid }],
    });
    expect(state("speaker-n1")).toMatchObject({
      result: "Invalid",
      errorSummary: expect.stringContaining("L2Advertisement bad: spec.interfaces[0]: "),
      conditions: [{ type: "configReconcilerValid", reason: "ConfigurationError" }],
    });
    expect(state("speaker-n2")).toMatchObject({ result: "Unknown", errorSummary: "" });
    expect(state("controller")?.["result"]).toBe("Valid");
    const metadata = { name: "n2", uid: "n2", resourceVersion: newVersion() };
    cluster.stores.speakers.upsert(decodeL2Speaker({ metadata, status: {} }));
    await settle();
    expect(state("speaker-n2")?.["result"]).toBe("Invalid");
  });
});
