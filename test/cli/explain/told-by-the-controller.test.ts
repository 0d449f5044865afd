import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { explainService } from "../../../src/cli/explain/explain-service.ts";
import { formatExplanation } from "../../../src/cli/explain/format-explanation.ts";
import type { ServiceExplanation } from "../../../src/cli/explain/service-explanation.ts";
import { readServiceFacts } from "../../../src/cli/explain/service-facts.ts";
import { ClusterReading } from "../../../src/cli/inspect/cluster-reading.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { CalmCluster } from "../../simulation/calm-cluster.ts";
import { expectGolden } from "../golden.ts";
import { inspectSettings } from "../inspect/raw-cluster.ts";

const pools = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools";
const namespace = "metallb-system";

let cluster: CalmCluster;

beforeEach(async () => {
  cluster = new CalmCluster(3);
  cluster.create("/api/v1/namespaces", { name: "shop", labels: { team: "shop" } });
  const advertisements = "/apis/metallb.io/v1beta1/namespaces/metallb-system/l2advertisements";
  cluster.create(advertisements, { name: "lan", namespace }, { spec: { ipAddressPools: ["lan"] } });
  cluster.start();
  await cluster.pass(10_000);
});

afterEach(() => {
  cluster.replica.dispose();
});

function addPool(name: string, addresses: readonly string[], spec: object = {}): void {
  cluster.create(pools, { name, namespace }, { spec: { addresses, ...spec } });
}

interface Wish {
  readonly address?: string;
  readonly pool?: string;
  readonly spec?: object;
}

function addService(name: string, { address, pool, spec }: Wish = {}): void {
  const annotations = {
    ...(address === undefined ? {} : { "metallb.io/loadBalancerIPs": address }),
    ...(pool === undefined ? {} : { "metallb.io/address-pool": pool }),
  };
  const common = { type: "LoadBalancer", clusterIPs: ["10.96.0.7"], ipFamilyPolicy: "SingleStack" };
  cluster.create(
    "/api/v1/namespaces/shop/services",
    { namespace: "shop", name, annotations },
    { spec: { ...common, ports: [{ protocol: "TCP", port: 80 }], ...spec } },
  );
}

async function explain(name: string): Promise<ServiceExplanation> {
  const reading = new ClusterReading(cluster.client(), systemClock);
  const target = { namespace: "shop", name };
  const facts = await readServiceFacts(reading, inspectSettings, target, () => cluster.now);
  if (facts === undefined) {
    throw new Error("there is no such Service");
  }
  return explainService(facts, reading.unread);
}

/** What waits for an address, and why: what each of these asks for cannot be had. */
const pending: Readonly<Record<string, Wish>> = {
  AddressInUse: { address: "192.0.2.10" },
  AddressNotInPool: { address: "203.0.113.9" },
  AddressDenied: { address: "192.0.2.241" },
  AddressExcluded: { address: "192.0.2.12" },
  AddressCooling: { address: "192.0.2.11" },
  PoolNotAllowed: { pool: "theirs" },
  PoolUnknown: { pool: "missing" },
  PoolExhausted: { pool: "tiny" },
  RequestMalformed: { address: "192.0.2." },
  RequestFamilyMismatch: { address: "2001:db8::9" },
  NoClusterIP: { spec: { clusterIPs: ["None"] } },
};

test("a Service that waits is told why, in the controller's own words, and where addresses could come from", async () => {
  addPool("lan", ["192.0.2.10-192.0.2.12", "192.0.2.240-192.0.2.250"]);
  addPool("theirs", ["198.51.100.0/30"], { serviceAllocation: { namespaces: ["others"] } });
  addPool("tiny", ["192.0.2.80-192.0.2.80"], { autoAssign: false });
  const policies = "/apis/steelyard.dev/v1alpha1/addresspolicies";
  const spec = { reuseDelaySeconds: 600, excludedAddresses: ["192.0.2.12"] };
  cluster.create(policies, { name: "lan" }, { spec });
  addService("first", { address: "192.0.2.10" });
  addService("leaves", { address: "192.0.2.11" });
  addService("tiny", { pool: "tiny" });
  await cluster.pass(10_000);
  cluster.api.remove("user", "services", "shop/leaves");
  await cluster.pass(2_000);
  for (const [reason, wish] of Object.entries(pending)) {
    addService(reason.toLowerCase(), wish);
  }
  await cluster.pass(10_000);
  const told: string[] = [];
  for (const reason of Object.keys(pending)) {
    const explanation = await explain(reason.toLowerCase());
    expect(explanation.conditions, reason).toMatchObject([{ status: "False", reason }]);
    // Times hang on how busy the controller was.
    const { changes: _, conditions, ...rest } = explanation;
    const timeless = conditions.map((one) => ({ ...one, since: "2026-01-01T00:00:00Z" }));
    const now = new Date("2026-01-01T00:01:15Z");
    told.push(formatExplanation({ ...rest, conditions: timeless, changes: [] }, now, 80));
  }
  expectGolden(new URL("pending.txt", import.meta.url), told.join("\n"));
});

describe("what it finds is what the controller says", () => {
  async function expectAgreement(name: string): Promise<ServiceExplanation> {
    const explanation = await explain(name);
    const said = explanation.conditions.find(({ type }) => type === "Announced");
    const [address] = explanation.addresses;
    expect({ reason: address?.reason, status: address?.announced }).toEqual({
      reason: said?.reason,
      status: said?.status,
    });
    expect(said?.message).toBe(address?.message);
    expect(explanation.unread).toEqual([]);
    return explanation;
  }

  beforeEach(async () => {
    addPool("lan", ["192.0.2.10-192.0.2.19"]);
    addPool("quiet", ["192.0.2.30-192.0.2.39"], { autoAssign: false });
    addService("web");
    addService("quiet", { pool: "quiet" });
    await cluster.pass(20_000);
  });

  test("of an address that is announced, and of its grant", async () => {
    const { addresses, changes, controller } = await expectAgreement("web");
    expect(addresses).toMatchObject([{ announced: "True", address: "192.0.2.10" }]);
    expect(addresses[0]?.nodes.map(({ role }) => role)).toEqual(["owner", "standby", "standby"]);
    expect(controller?.leader).toBe("c0/1");
    expect(changes).toMatchObject([{ source: "IPAllocation", reason: "Assigned" }]);
  });

  test("of an address that no L2Advertisement covers", async () => {
    const { addresses } = await expectAgreement("quiet");
    expect(addresses).toMatchObject([{ announced: "False", reason: "NoAdvertisement", next: [] }]);
  });

  test("of one whose node died: who took over, from whom and why", async () => {
    const [before] = (await explain("web")).addresses;
    const dead = cluster.speakers.find(({ node }) => node === before?.announcer?.node);
    dead?.stop();
    await cluster.pass(20_000);
    const { addresses, changes } = await expectAgreement("web");
    const [address] = addresses;
    expect(address?.announcer).toMatchObject({
      ...{ node: before?.next?.[0], from: dead?.node, reason: "SpeakerSilent" },
    });
    const standing = address?.nodes.find(({ node }) => node === dead?.node);
    expect(standing).toMatchObject({ role: "unable", reason: "SpeakerSilent" });
    expect(changes).toMatchObject([
      { source: "L2Bundle", reason: "SpeakerSilent" },
      { source: "IPAllocation", reason: "Assigned" },
    ]);
  });

  test("of one that every node is asked to give up, one after the other and all at once", async () => {
    for (const { node } of cluster.speakers) {
      cluster.api.edit("admin", "nodes", node, ({ metadata }) => ({
        metadata: { ...metadata, annotations: { "steelyard.dev/drain": "true" } },
      }));
      await cluster.pass(20_000);
      await expectAgreement("web");
    }
  });

  test("of one that stays where it is because no other node can have it", async () => {
    const label = { "node.kubernetes.io/exclude-from-external-load-balancers": "" };
    for (const { node } of cluster.speakers) {
      cluster.api.edit("admin", "nodes", node, ({ metadata }) => ({
        metadata: { ...metadata, labels: label },
      }));
    }
    await cluster.pass(30_000);
    const { addresses } = await expectAgreement("web");
    expect(addresses).toMatchObject([{ announced: "True", next: [] }]);
    expect(addresses[0]?.nodes.map(({ role, reason }) => [role, reason])).toEqual([
      ["owner", "NodeExcluded"],
      ["unable", "NodeExcluded"],
      ["unable", "NodeExcluded"],
    ]);
  });
});

test("without a controller it says so, and of an address whose node is silent nothing that is not known", async () => {
  addPool("lan", ["192.0.2.10-192.0.2.19"]);
  addService("web");
  await cluster.pass(20_000);
  const [before] = (await explain("web")).addresses;
  cluster.replica.kill();
  cluster.speakers.find(({ node }) => node === before?.announcer?.node)?.stop();
  await cluster.pass(30_000);
  const { addresses, controller } = await explain("web");
  expect(controller?.leader).toBeUndefined();
  expect(addresses).toMatchObject([{ announced: "Unknown", reason: "SpeakerSilent" }]);
});
