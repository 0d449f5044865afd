import { fileURLToPath } from "node:url";
import type { V1Lease, V1Pod, V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../../sandbox/installation.ts";
import type { Sandbox } from "../../../sandbox/sandbox.ts";
import { ServiceWatch } from "../../../sandbox/service-watch.ts";
import * as resources from "../../../src/kube/resources.ts";
import { type ClusterApi, configNamespace, deployments, pods } from "../../e2e/cluster-api.ts";
import { addressesOf, conditionOf } from "../../e2e/cluster-objects.ts";
import {
  answererOf,
  decided,
  eventually,
  type InstalledCluster,
  startInstalled,
} from "../../e2e/installed-cluster.ts";

const system = "steelyard-system";
const names = Array.from({ length: 12 }, (_, index) => `service-${index}`);

let cluster: InstalledCluster;
/** Sees every change of a Service since Steelyard was installed. */
let watch: ServiceWatch;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3, before: useAnotherLoadBalancer });
  await Promise.all(names.map((name) => cluster.api.createService({ name })));
  await Promise.all(names.map((name) => announced(name)));
});

afterAll(async () => {
  await watch?.close();
  await cluster?.stop();
});

/** The cluster was served by MetalLB: its CRDs, a pool, and a Service with an address in its status. */
async function useAnotherLoadBalancer(sandbox: Sandbox, api: ClusterApi): Promise<void> {
  for (const crd of ["ipaddresspools", "l2advertisements"]) {
    const file = new URL(`../../../crds/metallb.io_${crd}.yaml`, import.meta.url);
    await apply(sandbox, fileURLToPath(file));
  }
  await api.create(resources.namespaces, { metadata: { name: configNamespace } } as object);
  await eventually("the CRD", async () => (await api.list(resources.ipAddressPools)).length === 0);
  await api.createPool("production", ["192.0.2.0/24"]);
  await api.createService({ name: "from-metallb" });
  await writeStatus(api, "from-metallb", "192.0.2.77");
  // MetalLB gives the network address of a prefix before all others.
  await api.createService({ name: "first-of-metallb" });
  await writeStatus(api, "first-of-metallb", "192.0.2.0");
  watch = await ServiceWatch.start(sandbox.kubeconfigPath);
}

async function writeStatus(api: ClusterApi, name: string, ip: string): Promise<void> {
  const status = { loadBalancer: { ingress: [{ ip }] } };
  await api.patch(resources.services, `${name}/status`, { status }, "default");
}

async function announced(name: string): Promise<V1Service> {
  return await eventually(`Announced=True on ${name}`, async () => {
    const service = await cluster.api.service(name);
    return conditionOf(service, "Announced")?.status === "True" ? service : undefined;
  });
}

/** Everything that must not change, with the version of each object: no write, not even an idle one. */
async function picture(): Promise<Readonly<Record<string, string | undefined>>> {
  const { api } = cluster;
  const services = await api.list<V1Service>(resources.services, "default");
  const objects = [...services, ...(await api.allocations()), ...(await api.bundles())];
  return Object.fromEntries(
    objects.map(({ metadata }) => [metadata?.name ?? "", metadata?.resourceVersion]),
  );
}

async function leader(): Promise<string> {
  const lease = await cluster.api.get<V1Lease>(resources.leases, "steelyard-controller", system);
  return lease?.spec?.holderIdentity ?? "";
}

/** Resolves when another process than `old` leads and has done its first work. */
async function another(old: string): Promise<void> {
  await eventually("another leader", async () => !["", old].includes(await leader()));
  const name = `probe-${(await cluster.sandbox.audit()).length}`;
  await cluster.api.createService({ name });
  await announced(name);
  await cluster.api.removeService(name);
}

async function highestTerm(): Promise<number> {
  return Math.max(...(await cluster.api.bundles()).map(({ spec }) => spec.term));
}

/** Has the controller make bundles, and tells their term. */
async function termOfNewBundles(advertisement: string): Promise<number> {
  await cluster.api.createAdvertisement(advertisement, {});
  return await eventually("new bundles", async () => {
    const made = (await cluster.api.bundles()).filter(({ spec }) =>
      spec.advertisements.includes(advertisement),
    );
    return made.length > 0 && Math.max(...made.map(({ spec }) => spec.term));
  });
}

/** The old picture holds for everything in it. */
async function expectUnchanged(
  before: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  expect(await picture()).toMatchObject(before);
}

async function scale(replicas: number): Promise<void> {
  await cluster.api.patch(deployments, "steelyard-controller", { spec: { replicas } }, system);
  await eventually(`${replicas} controllers`, async () => {
    const all = await cluster.api.list<V1Pod>(pods, system);
    const left = all.filter(({ metadata }) => metadata?.name?.startsWith("steelyard-controller"));
    return left.length === replicas;
  });
}

describe("an address in a Service's status", () => {
  test("that another load balancer wrote is kept when Steelyard comes", async () => {
    const service = await announced("from-metallb");
    expect(addressesOf(service)).toEqual(["192.0.2.77"]);
    const allocation = await cluster.api.allocation("192.0.2.77");
    expect(allocation?.spec.holders.map(({ uid }) => uid)).toEqual([service.metadata?.uid]);
    const seen = watch.seen.filter(({ object }) => object.key === "default/from-metallb");
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.map(({ object }) => object.written.ingress.join())).toEqual(
      seen.map(() => "192.0.2.77"),
    );
  });

  test("that nobody new would be given is taken over all the same, and announced, and says so", async () => {
    const service = await announced("first-of-metallb");
    expect(addressesOf(service)).toEqual(["192.0.2.0"]);
    expect(conditionOf(service, "AddressAssigned")).toMatchObject({
      status: "True",
      reason: "AddressDenied",
    });
    expect(await answererOf(cluster, "192.0.2.0")).toBeDefined();
  });

  test("that was forged is corrected to what the Service holds", async () => {
    const { api } = cluster;
    const mine = addressesOf(await api.service("service-0"));
    const theirs = addressesOf(await api.service("service-1"));
    await writeStatus(api, "service-0", theirs[0] ?? "");
    await eventually("service-0 to be corrected", async () =>
      addressesOf(await api.service("service-0")).includes(mine[0] ?? ""),
    );
    expect(addressesOf(await api.service("service-1"))).toEqual(theirs);
    await announced("service-0");
  });

  test("of a Service that holds nothing is taken back when another one holds it", async () => {
    const { api } = cluster;
    const [taken = ""] = addressesOf(await api.service("service-1"));
    await api.createService({ name: "thief", spec: { loadBalancerIP: taken } });
    await decided(api, "False", "thief");
    await writeStatus(api, "thief", taken);
    await eventually("the forged status to go", async () => {
      return addressesOf(await api.service("thief")).length === 0;
    });
    const allocation = await api.allocation(taken);
    expect(allocation?.spec.holders.map(({ name }) => name)).toEqual(["service-1"]);
    await api.removeService("thief");
  });
});

describe("when the leader is killed", () => {
  test("the other one leads; no address, status or bundle is written again", async () => {
    const { sandbox } = cluster;
    const before = await picture();
    const term = await highestTerm();
    const old = await leader();
    const [pod = ""] = old.split("_");
    const process_ = sandbox.nodes.flatMap((node) => node.podProcess(system, pod) ?? [])[0];
    process.kill(process_?.pid ?? Number.NaN, "SIGKILL");
    await another(old);
    await expectUnchanged(before);
    expect(await termOfNewBundles("extra")).toBeGreaterThan(term);
    await cluster.api.remove(resources.l2Advertisements, "extra", configNamespace);
    await eventually("the bundles of old", async () =>
      (await cluster.api.bundles()).every(({ spec }) => !spec.advertisements.includes("extra")),
    );
    await Promise.all(names.map((name) => announced(name)));
  });

  test("or all controller Pods are deleted, every address is adopted as it is", async () => {
    const { api } = cluster;
    const before = await picture();
    const old = await leader();
    const all = await api.list<V1Pod>(pods, system);
    const controllers = all.filter(({ metadata }) =>
      metadata?.name?.startsWith("steelyard-controller"),
    );
    await Promise.all(
      controllers.map(({ metadata }) => api.remove(pods, metadata?.name ?? "", system)),
    );
    await another(old);
    await expectUnchanged(before);
  });

  test("a status that came while nobody led is honoured, once there is a pool, unless it is another's", async () => {
    const { api } = cluster;
    const [taken = ""] = addressesOf(await api.service("service-2"));
    await scale(0);
    await api.createService({ name: "restored" });
    await writeStatus(api, "restored", "192.0.2.88");
    await api.createService({ name: "forged" });
    await writeStatus(api, "forged", taken);
    await api.removeService("service-3");
    await api.remove(resources.ipAddressPools, "production", configNamespace);
    await scale(2);
    const lost = await decided(api, "False", "restored");
    expect(conditionOf(lost, "AddressAssigned")?.reason).toBe("ConfigurationLost");
    expect(addressesOf(lost)).toEqual(["192.0.2.88"]);
    expect(addressesOf(await decided(api, "False", "forged"))).toEqual([]);
    await api.createPool("production", ["192.0.2.0/24"]);
    expect(addressesOf(await announced("restored"))).toEqual(["192.0.2.88"]);
    const forged = await eventually("an address of its own", async () => {
      const service = await announced("forged");
      return addressesOf(service).includes(taken) ? undefined : service;
    });
    expect(addressesOf(forged)).toHaveLength(1);
    expect(addressesOf(await announced("service-2"))).toEqual([taken]);
    await eventually("the address of the Service that went to cool down", async () => {
      const all = await api.allocations();
      return all.some(
        ({ spec }) => spec.state === "Cooling" && spec.holders[0]?.name === "service-3",
      );
    });
  });
});
