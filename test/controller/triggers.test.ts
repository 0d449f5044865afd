import { describe, expect, test } from "vitest";
import type { Want } from "../../src/controller/pending-services.ts";
import { absentService } from "../../src/core/model/service.ts";
import { decodeNode, type NodeObject } from "../../src/kube/decode/node.ts";
import { Asked, address, anyOf, begun } from "./asked-work.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const reuseDelayMs = 30_000;

describe("a new leader", () => {
  test("looks at every Service that wants an address or has one, also one that is gone", async () => {
    const cluster = new KnownCluster();
    cluster.createService("s1");
    cluster.allocate(address, "gone");
    cluster.see();
    cluster.state.load();
    const asked = new Asked(cluster);
    expect(await asked.of("services")).toEqual(["a/gone", "a/s1"]);
    expect(await asked.of("bundles")).toEqual(["all"]);
  });

  test("looks first at those that have an address, then by name at those whose status says so", async () => {
    const cluster = new KnownCluster();
    for (const name of ["s1", "s4", "s3", "s2"]) {
      cluster.createService(name);
    }
    for (const name of ["s4", "s3"]) {
      cluster.api.edit("MetalLB", "services", `a/${name}`, () => ({
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.11" }] } },
      }));
    }
    cluster.allocate(address, "s2");
    cluster.see();
    cluster.state.load();
    expect(await new Asked(cluster).inTurn("services")).toEqual(["a/s2", "a/s3", "a/s4", "a/s1"]);
  });

  test("looks first at those whose status says so also when the first addresses are given out in the middle", async () => {
    const cluster = new KnownCluster();
    for (const name of ["s1", "s2", "s3", "s4"]) {
      cluster.createService(name);
    }
    for (const name of ["s3", "s4"]) {
      cluster.api.edit("MetalLB", "services", `a/${name}`, () => ({
        status: { loadBalancer: { ingress: [{ ip: address }] } },
      }));
    }
    cluster.see();
    cluster.state.load();
    cluster.state.networksKnown = false;
    const asked = new Asked(cluster);
    const looks: string[] = [];
    asked.onLook = (key) => {
      looks.push(key);
      if (looks.length === 2) {
        asked.triggers.openGate("the speakers have reported");
      }
    };
    await asked.calm(0);
    const tooEarly = ["a/s3", "a/s4"];
    expect(looks).toEqual([...tooEarly, "a/s3", "a/s4", "a/s1", "a/s2"]);
  });

  test("looks again when the configuration has settled", async () => {
    const cluster = new KnownCluster();
    const asked = new Asked(cluster);
    expect(await asked.of("settling", 4_000)).toEqual([]);
    expect(await asked.of("settling", 1_001)).toEqual(["all"]);
  });

  test("ends the cooling that the one before began", async () => {
    const cluster = new KnownCluster();
    cluster.allocate(address, "gone", "Cooling");
    cluster.see();
    const asked = new Asked(cluster);
    expect(await asked.of("cooling", reuseDelayMs - 1)).toEqual([]);
    expect(await asked.of("cooling", 2)).toEqual([address]);
  });
});

describe("of two pools that name the same addresses", () => {
  test("the other one gives them once it has the first of them in use, and that is told", async () => {
    const cluster = new KnownCluster();
    const path = `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/ipaddresspools`;
    const newer = { namespace: configNamespace, name: "p2" };
    cluster.create(path, newer, { spec: { addresses: ["192.0.2.12/32"] } });
    cluster.see();
    cluster.state.load();
    const asked = new Asked(cluster);
    const allocate = (of: string, pool: string): void => {
      const holders = [{ namespace: "a", name: "s", uid: "s", ports: [] }];
      const spec = { address: of, pool, state: "Allocated", holders };
      const allocations = "/apis/steelyard.dev/v1alpha1/ipallocations";
      cluster.create(allocations, { name: of }, { spec });
      cluster.see();
    };
    // As the first look at any Service does.
    expect(cluster.state.pools).toHaveLength(2);
    allocate(address, "p1");
    expect(asked.contestChanges).toBe(0);
    allocate("192.0.2.12", "p2");
    expect(asked.contestChanges).toBe(1);
  });
});

describe("an address that is shared", () => {
  const spec = (holders: readonly object[]): object => ({
    ...{ address: "192.0.2.11", pool: "p1", state: "Allocated", holders },
  });
  const holder = (name: string, port: number): object => ({
    ...{ namespace: "a", name, uid: name, sharingKey: "x" },
    ports: [{ protocol: "TCP", port }],
  });

  const sharing = (key: string): Want => ({
    ...anyOf("p1", 4),
    sharer: { ...absentService("a/any"), sharing: { key, backend: "" } },
  });

  /** Address .11, held by `s2` and `s3` under the key `x`; four others wait for what may concern them or not. */
  async function shared(): Promise<Asked> {
    const asked = await begun();
    const path = "/apis/steelyard.dev/v1alpha1/ipallocations";
    asked.cluster.create(
      path,
      { name: "192.0.2.11" },
      { spec: spec([holder("s2", 80), holder("s3", 81)]) },
    );
    asked.cluster.see();
    for (const [name, waiting] of Object.entries({
      friend: { addresses: [], wants: [sharing("x")] },
      stranger: { addresses: [], wants: [sharing("y")] },
      named: { addresses: ["192.0.2.11"], wants: [] },
      other: { addresses: ["192.0.2.12"], wants: [] },
    })) {
      asked.pending.add(`a/${name}`, waiting);
    }
    await asked.calm();
    return asked;
  }

  test.each<[string, readonly object[], readonly string[]]>([
    ["uses other ports", [holder("s2", 80), holder("s3", 90)], ["a/friend", "a/named", "a/s3"]],
    ["leaves", [holder("s2", 80)], ["a/friend", "a/named", "a/s2", "a/s3"]],
    [
      "joins",
      [holder("s2", 80), holder("s3", 81), holder("s4", 82)],
      ["a/friend", "a/named", "a/s4"],
    ],
  ])(
    "has those looked at who wait for it when a holder %s, and no others",
    async (_, now, keys) => {
      const asked = await shared();
      asked.cluster.api.edit("leader", "ipallocations", "192.0.2.11", () => ({ spec: spec(now) }));
      asked.cluster.see();
      expect(await asked.of("services")).toEqual(keys);
    },
  );

  test("has those looked at who ask for it by name when it is taken: the reason is another one now", async () => {
    const asked = await begun();
    asked.pending.add("a/named", { addresses: ["192.0.2.11"], wants: [] });
    asked.pending.add("a/any", { addresses: [], wants: [anyOf("p1", 4)] });
    asked.cluster.allocate("192.0.2.11", "s2");
    asked.cluster.see();
    expect(await asked.of("services")).toEqual(["a/named", "a/s2"]);
  });

  test("has nobody looked at who waits when only its bundle changes", async () => {
    const asked = await shared();
    asked.cluster.api.edit("leader", "ipallocations", "192.0.2.11", (object) => ({
      spec: { ...object.spec, bundle: "l2-0" },
    }));
    asked.cluster.see();
    expect(await asked.of("services")).toEqual(["a/s2", "a/s3"]);
  });
});

describe("a Service", () => {
  test("that changes is looked at, and no other", async () => {
    const asked = await begun();
    const { api } = asked.cluster;
    api.edit("user", "services", "a/s2", ({ spec }) => ({ spec: { ...spec, ports: [] } }));
    asked.cluster.see();
    expect(await asked.of("services")).toEqual(["a/s2"]);
  });

  test("with a sharing key, or local to its nodes, that comes, changes or goes has no other looked at", async () => {
    const asked = await begun();
    const { cluster } = asked;
    cluster.createService("sharing", { key: "x", port: 80 });
    cluster.see();
    expect(await asked.of("services")).toEqual(["a/sharing"]);
    cluster.api.edit("user", "services", "a/sharing", ({ spec }) => ({
      spec: { ...spec, externalTrafficPolicy: "Local", selector: { app: "web" } },
    }));
    cluster.see();
    expect(await asked.of("services")).toEqual(["a/sharing"]);
    cluster.api.remove("user", "services", "a/sharing");
    cluster.see();
    expect(await asked.of("services")).toEqual(["a/sharing"]);
  });

  test("that has an address is looked at, whatever type and class it has now", async () => {
    const asked = await begun();
    for (const type of ["ClusterIP", "NodePort"]) {
      const loadBalancerClass = "example.com/other";
      asked.cluster.api.edit("user", "services", "a/s1", ({ spec }) => ({
        spec: { ...spec, type, loadBalancerClass },
      }));
      asked.cluster.see();
      expect(await asked.of("services")).toEqual(["a/s1"]);
    }
  });

  test("that is gone is looked at", async () => {
    const asked = await begun();
    asked.cluster.api.remove("user", "services", "a/s1");
    asked.cluster.see();
    expect(await asked.of("services")).toEqual(["a/s1"]);
  });

  test("that no longer uses an external IP wakes who waits for that address", async () => {
    const asked = await begun();
    const { cluster, pending } = asked;
    const use = (externalIPs: readonly string[]): void => {
      cluster.api.edit("user", "services", "a/s2", ({ spec }) => ({
        spec: { ...spec, externalIPs },
      }));
      cluster.see();
    };
    use(["192.0.2.12"]);
    pending.add("a/s3", { addresses: ["192.0.2.12"], wants: [] });
    await asked.calm();
    use([]);
    expect(await asked.of("services")).toEqual(["a/s2", "a/s3"]);
  });
});

describe("an address", () => {
  test("that another leader gave to a Service has its holders looked at, old and new", async () => {
    const asked = await begun();
    const { api, state } = asked.cluster;
    const holders = [{ namespace: "a", name: "s2", uid: "late", ports: [] }];
    api.edit("another", "ipallocations", address, ({ spec }) => ({ spec: { ...spec, holders } }));
    asked.cluster.see();
    expect(await asked.of("services")).toEqual(["a/s1", "a/s2"]);
    expect(state.ledger.heldBy("a/s2")).toEqual([address]);
    expect(state.ledger.heldBy("a/s1")).toEqual([]);
  });

  test("that begins to cool wakes those that could use it, and is freed 30 s later", async () => {
    const asked = await begun();
    const { cluster, pending } = asked;
    pending.add("a/s2", { addresses: [], wants: [anyOf("p1", 4)] });
    pending.add("a/s3", { addresses: [], wants: [anyOf("p2", 4)] });
    const cool = { state: "Cooling", bundle: undefined };
    cluster.api.edit("another", "ipallocations", address, ({ spec }) => ({
      spec: { ...spec, ...cool },
    }));
    cluster.see();
    expect(await asked.of("services")).toEqual(["a/s1", "a/s2"]);
    expect(await asked.of("cooling", reuseDelayMs - 1)).toEqual([]);
    expect(await asked.of("cooling", 2)).toEqual([address]);
  });

  test("that is given out while it cools is not freed", async () => {
    const asked = await begun();
    const { cluster } = asked;
    const become = (state: string): void => {
      cluster.api.edit("another", "ipallocations", address, ({ spec }) => ({
        spec: { ...spec, state },
      }));
      cluster.see();
    };
    become("Cooling");
    await asked.calm();
    become("Allocated");
    expect(await asked.of("cooling", 2 * reuseDelayMs)).toEqual([]);
  });

  test("whose object is deleted by hand has its holder looked at", async () => {
    const asked = await begun();
    asked.cluster.api.remove("admin", "ipallocations", address);
    asked.cluster.see();
    expect(await asked.of("services")).toEqual(["a/s1"]);
    expect(asked.cluster.state.ledger.heldBy("a/s1")).toEqual([]);
  });
});

describe("a bundle", () => {
  const bundles = "/apis/steelyard.dev/v1alpha1/l2bundles";
  const spec = { advertisements: ["all"], owner: { node: "n1", interfaces: [] }, term: 1 };

  test("that somebody else makes has all bundles looked at, and who is in none", async () => {
    const asked = await begun();
    asked.cluster.create(bundles, { name: "late" }, { spec: { ...spec, sequence: 0 } });
    asked.cluster.see();
    expect(await asked.of("bundles")).toEqual(["all"]);
    expect(await asked.of("services")).toEqual(["a/s1"]);
  });

  test("that is deleted has the holders of its addresses looked at", async () => {
    const asked = await begun();
    const { cluster } = asked;
    cluster.create(bundles, { name: "b1" }, { spec: { ...spec, sequence: 0 } });
    cluster.api.edit("another", "ipallocations", address, (object) => ({
      spec: { ...object.spec, bundle: "b1" },
    }));
    cluster.see();
    await asked.calm();
    cluster.api.remove("another", "l2bundles", "b1");
    cluster.see();
    expect(await asked.of("services")).toEqual(["a/s1"]);
    expect(await asked.of("bundles")).toEqual(["all"]);
  });

  test("that lost its last address is looked at", async () => {
    const asked = await begun();
    const { cluster } = asked;
    const place = (bundle: string | undefined): void => {
      cluster.api.edit("another", "ipallocations", address, (object) => ({
        spec: { ...object.spec, bundle },
      }));
      cluster.see();
    };
    place("b1");
    await asked.calm();
    place(undefined);
    expect(await asked.of("bundles")).toEqual(["all"]);
  });
});

describe("the configuration", () => {
  test("that changes has everything looked at, now and when it has settled", async () => {
    const asked = await begun();
    const { cluster } = asked;
    const pool = `${configNamespace}/p1`;
    cluster.api.edit("admin", "ipaddresspools", pool, ({ spec }) => ({
      spec: { ...spec, addresses: ["192.0.2.10-192.0.2.11"] },
    }));
    cluster.see();
    expect(await asked.of("services")).toEqual(["a/s1", "a/s2", "a/s3"]);
    expect(await asked.of("bundles")).toEqual(["all"]);
    expect(await asked.of("settling", 5_001)).toEqual(["all"]);
  });
});

describe("a Node", () => {
  const node = (more: Readonly<Record<string, object>>, version: string): NodeObject =>
    decodeNode({
      metadata: { name: "n1", uid: "n1", resourceVersion: version, ...more["metadata"] },
      spec: { podCIDRs: ["10.244.1.0/24"], ...more["spec"] },
      status: { addresses: [{ type: "InternalIP", address: "192.0.2.241" }], ...more["status"] },
    });
  const condition = (type: string): object => ({ conditions: [{ type, status: "True" }] });

  test.each<[string, Readonly<Record<string, object>> | undefined, boolean]>([
    ["that is deleted", undefined, true],
    ["with other labels", { metadata: { labels: { rack: "2" } } }, true],
    ["without a network", { status: condition("NetworkUnavailable") }, true],
    ["with a drain", { metadata: { annotations: { "steelyard.dev/drain": "true" } } }, true],
    ["with a heartbeat", { status: condition("Ready") }, false],
    ["that is cordoned", { spec: { unschedulable: true } }, false],
  ])(
    "%s asks for work only if a decision looks at what changed",
    async (_, change, asksForWork) => {
      const asked = await begun();
      const { nodes } = asked.cluster.stores;
      nodes.upsert(node({}, "1"));
      expect(await asked.of("speakers")).toEqual(["n1"]);
      await asked.calm();
      if (change === undefined) {
        nodes.remove("n1", "n1", "2");
      } else {
        nodes.upsert(node(change, "2"));
      }
      expect(await asked.of("speakers")).toEqual(asksForWork ? ["n1"] : []);
      expect(await asked.of("bundles")).toEqual(asksForWork ? ["all"] : []);
    },
  );
});
