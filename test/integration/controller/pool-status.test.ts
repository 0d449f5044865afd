import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Condition } from "../../../src/kube/condition.ts";
import * as resources from "../../../src/kube/resources.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { configNamespace } from "../../e2e/cluster-api.ts";
import { addressesOf } from "../../e2e/cluster-objects.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
  writeUnjudged,
} from "../../e2e/installed-cluster.ts";

interface Pool {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
  readonly status?: {
    readonly assignedIPv4: number;
    readonly availableIPv4: number;
    readonly assignedIPv6: number;
    readonly availableIPv6: number;
    readonly conditions?: readonly Condition[];
  };
}

let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  // It would not let in what this test is about; but it need not always be there.
  await kubectl(cluster.sandbox, ["delete", "validatingwebhookconfiguration", "steelyard-webhook"]);
});

afterAll(async () => {
  await cluster?.stop();
});

async function pool(name: string): Promise<Pool> {
  const found = await cluster.api.get<Pool>(resources.ipAddressPools, name, configNamespace);
  return found ?? expect.unreachable(`there is no pool ${name}`);
}

/** The pool once its condition of this name is there, or is gone. */
async function told(name: string, condition: string, present = true): Promise<Pool> {
  return await eventually(`${condition} on pool ${name}: ${present}`, async () => {
    const found = await pool(name);
    return (conditionOf(found, condition) !== undefined) === present && found;
  });
}

function conditionOf({ status }: Pool, name: string): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === `steelyard.dev/${name}`);
}

async function eventOf(uid: string | undefined, reason: string): Promise<string> {
  return await eventually(`an Event ${reason}`, async () => {
    const found = (await cluster.api.eventsOf(uid)).find((event) => event.reason === reason);
    return found?.message;
  });
}

/** Its counts: assigned and available IPv4, then IPv6. */
async function counted(name: string, counts: readonly number[]): Promise<void> {
  await eventually(`${counts} in pool ${name}`, async () => {
    const { status } = await pool(name);
    const { assignedIPv4, availableIPv4, assignedIPv6, availableIPv6 } = status ?? {};
    const now = [assignedIPv4, availableIPv4, assignedIPv6, availableIPv6];
    return now.join() === counts.join();
  });
}

async function resize(name: string, addresses: readonly string[]): Promise<void> {
  await cluster.api.patch(resources.ipAddressPools, name, { spec: { addresses } }, configNamespace);
}

describe("the status of a pool", () => {
  test("counts what is assigned and available, up to what JSON says exactly", async () => {
    const { api } = cluster;
    await api.createPool("small", ["192.0.2.10-192.0.2.12", "2001:db8:0:9::/64"]);
    await counted("small", [0, 3, 0, Number.MAX_SAFE_INTEGER]);
    await api.createService({ name: "web" });
    const service = await decided(api, "True", "web");
    expect(addressesOf(service)).toEqual(["192.0.2.10"]);
    await counted("small", [1, 2, 0, Number.MAX_SAFE_INTEGER]);
    const columns = await kubectl(cluster.sandbox, ["get", "ipallocations"]);
    expect(columns).toMatch(/192\.0\.2\.10 +small +Allocated +default\/web /);
  });

  test("is put right after an edit, and then nothing is written any more", async () => {
    const status = { assignedIPv4: 99, conditions: [] };
    await cluster.api.patch(resources.ipAddressPools, "small/status", { status }, configNamespace);
    await counted("small", [1, 2, 0, Number.MAX_SAFE_INTEGER]);
    const { metadata } = await told("small", "Valid");
    await systemClock.sleep(5_000);
    expect((await pool("small")).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  test("says what cannot be read, keeps the last good version, and says when it is right again", async () => {
    const { metadata } = await pool("small");
    const unreadable = ["192.0.2.10-192.0.2.300", "192.0.2.9/24"];
    await writeUnjudged(cluster, () => resize("small", unreadable));
    const bad = await eventually("Valid is False", async () => {
      const found = await pool("small");
      return conditionOf(found, "Valid")?.status === "False" && found;
    });
    const message = conditionOf(bad, "Valid")?.message;
    expect(message).toMatch(/192\.0\.2\.300.*The last good version stays in force/);
    expect(await eventOf(metadata.uid, "ConfigurationInvalid")).toBe(message);
    expect(bad.status?.assignedIPv4).toBe(1);
    await resize("small", ["192.0.2.10-192.0.2.12"]);
    await eventOf(metadata.uid, "Valid");
    await counted("small", [1, 2, 0, 0]);
  });
});

describe("a pool in conflict", () => {
  test("with nodes, a gateway, CIDRs and the API server has a condition and an Event for each kind", async () => {
    const { api } = cluster;
    await api.createPool(
      "large",
      ["192.0.2.240-192.0.2.254", "10.96.3.0/24", "10.244.0.0/16", "198.51.100.1-198.51.100.2"],
      { autoAssign: false },
    );
    const expected = {
      PoolHasNodeAddress: "192.0.2.241 is an address of node node-1",
      PoolHasGateway: "192.0.2.254 is the default gateway of node",
      PoolInServiceCidr: "10.96.3.0-10.96.3.255 is inside the Service CIDR of this cluster",
      PoolInPodCidr: "is inside the Pod CIDR of node node-1",
      PoolHasApiServer: "198.51.100.1 is an address of the Kubernetes API server",
    };
    const { metadata } = await pool("large");
    for (const [reason, words] of Object.entries(expected)) {
      const condition = conditionOf(await told("large", reason), reason);
      expect(condition).toMatchObject({ status: "True", reason });
      expect(condition?.message).toContain(words);
      await eventOf(metadata.uid, reason);
    }
    await resize("large", ["192.0.2.244-192.0.2.249"]);
    for (const reason of Object.keys(expected)) {
      await told("large", reason, false);
    }
  });

  test("with a node that joins later tells pool and Node; the Service keeps its address", async () => {
    const { api } = cluster;
    const node = await api.create<{ metadata: { uid: string } }>(resources.nodes, {
      metadata: { name: "late" },
    } as never);
    const addresses = [{ type: "InternalIP", address: "192.0.2.10" }];
    await api.patch(resources.nodes, "late/status", { status: { addresses } });
    const found = await told("small", "PoolHasNodeAddress");
    expect(conditionOf(found, "PoolHasNodeAddress")?.message).toContain(
      "192.0.2.10 is an address of node late, and stays with Service default/web",
    );
    // Whoever may read Events of Nodes is not told whose Service it is.
    const message = await eventOf(node.metadata.uid, "PoolHasNodeAddress");
    expect(message).toContain(
      "192.0.2.10 of this node is in IPAddressPool small. A Service has it",
    );
    expect(message).not.toContain("web");
    expect(addressesOf(await api.service("web"))).toEqual(["192.0.2.10"]);
    await api.remove(resources.nodes, "late");
    await told("small", "PoolHasNodeAddress", false);
  });

  test("with another Service's externalIPs tells pool and Service, which does not learn of others", async () => {
    const { api } = cluster;
    const spec = { externalIPs: ["192.0.2.10"], ports: [{ port: 80 }] };
    const metadata = { name: "thief", namespace: "kube-public" };
    const thief = await api.create<{ metadata: { uid: string } }>(resources.services, {
      metadata,
      ...{ spec },
    });
    const found = await told("small", "PoolHasClaimedAddress");
    expect(conditionOf(found, "PoolHasClaimedAddress")?.message).toContain(
      "192.0.2.10 is used by Service kube-public/thief",
    );
    const message = await eventOf(thief.metadata.uid, "PoolHasClaimedAddress");
    expect(message).toContain("Another Service has it");
    expect(message).not.toContain("web");
    await api.remove(resources.services, "thief", "kube-public");
    await told("small", "PoolHasClaimedAddress", false);
  });
});

describe("ConfigurationStates", () => {
  interface State {
    readonly metadata: { readonly uid: string };
    readonly status?: { readonly result?: string; readonly errorSummary?: string };
  }

  async function result(name: string, wanted: string): Promise<State> {
    return await eventually(`${name} is ${wanted}`, async () => {
      const { api } = cluster;
      const state = await api.get<State>(resources.configurationStates, name, configNamespace);
      return state?.status?.result === wanted && state;
    });
  }

  test("say that all is Valid, everything that is not, and are made anew", async () => {
    const { api, sandbox } = cluster;
    await result("controller", "Valid");
    await result("speaker-node-1", "Valid");
    await api.createPool("wrong", ["192.0.2.300/24", "10.0.0.9-10.0.0.1"]);
    const state = await result("controller", "Invalid");
    expect(state.status?.errorSummary?.split("\n")).toEqual([
      expect.stringMatching(/^configuration error: IPAddressPool wrong: spec\.addresses\[0\]: /),
      expect.stringMatching(/^IPAddressPool wrong: spec\.addresses\[1\]: /),
    ]);
    await result("speaker-node-2", "Invalid");
    await api.remove(resources.configurationStates, "controller", configNamespace);
    expect((await result("controller", "Invalid")).metadata.uid).not.toBe(state.metadata.uid);
    await api.remove(resources.ipAddressPools, "wrong", configNamespace);
    await result("controller", "Valid");
    await result("speaker-node-2", "Valid");
    const columns = await kubectl(sandbox, ["get", "configurationstates", "-n", configNamespace]);
    expect(columns).toMatch(/NAME +RESULT +ERRORSUMMARY +AGE\ncontroller +Valid/);
  });
});
