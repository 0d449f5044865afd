import type { V1Lease, V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as resources from "../../../src/kube/resources.ts";
import { configNamespace } from "../../e2e/cluster-api.ts";
import { addressesOf } from "../../e2e/cluster-objects.ts";
import { findLeader } from "../../e2e/controller-leader.ts";
import {
  answererOf,
  createServed,
  decided,
  eventually,
  type InstalledCluster,
  startInstalled,
} from "../../e2e/installed-cluster.ts";

const system = "steelyard-system";

let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  await cluster.api.createPool("production", ["192.0.2.0/24"]);
});

afterAll(async () => {
  await cluster?.stop();
});

/** A Pod of MetalLB's controller as its Deployment makes one; it may wait for a node for ever. */
async function createForeign(
  name: string,
  labels: Readonly<Record<string, string>>,
  namespace = configNamespace,
): Promise<void> {
  const containers = [{ name: "controller", image: "quay.io/metallb/controller:v0.16.1" }];
  await cluster.api.create(resources.pods, {
    metadata: { name, namespace, labels },
    spec: { schedulerName: "none", containers },
  } as object);
}

async function ownPods(): Promise<readonly V1Pod[]> {
  const all = await cluster.api.list<V1Pod>(resources.pods, system);
  return all.filter(
    ({ metadata }) => metadata?.labels?.["app.kubernetes.io/component"] === "controller",
  );
}

/** Resolves when every replica has told that it waits for this Pod to go. */
async function everyReplicaTells(foreign: string): Promise<void> {
  for (const pod of await ownPods()) {
    await eventually(`an Event on ${pod.metadata?.name}`, async () => {
      const all = await cluster.api.eventsOf(pod.metadata?.uid);
      return all.some(
        ({ reason, message }) => reason === "ForeignController" && message?.includes(foreign),
      );
    });
  }
}

async function holder(): Promise<string | undefined> {
  const lease = await cluster.api.get<V1Lease>(resources.leases, "steelyard-controller", system);
  return lease?.spec?.holderIdentity;
}

test("while a Pod of MetalLB's controller is there nobody leads, every replica says so, and what was announced stays", async () => {
  const { api } = cluster;
  const [address = ""] = await createServed(api, ["before"]);
  await eventually("an answer", async () => await answererOf(cluster, address));
  await findLeader(cluster);

  await createForeign("controller-by-manifest", { app: "metallb", component: "controller" });
  await everyReplicaTells("metallb-system/controller-by-manifest");
  await eventually("no leader", async () => (await holder()) === "");
  await api.createService({ name: "waiting" });

  await createForeign("controller-by-chart", {
    "app.kubernetes.io/name": "metallb",
    "app.kubernetes.io/component": "controller",
  });
  await everyReplicaTells("metallb-system/controller-by-chart");
  await api.remove(resources.pods, "controller-by-manifest", configNamespace);

  expect((await api.service("waiting"))?.status?.conditions).toBeUndefined();
  expect(await holder()).toBe("");
  expect(addressesOf(await api.service("before"))).toEqual([address]);
  expect(await answererOf(cluster, address)).toBeDefined();

  await api.remove(resources.pods, "controller-by-chart", configNamespace);
  expect(addressesOf(await decided(api, "True", "waiting"))).not.toEqual([]);
});

test("a Pod with MetalLB's labels elsewhere, or of its speaker, keeps nobody from leading", async () => {
  const { identity } = await findLeader(cluster);
  await createForeign("elsewhere", { app: "metallb", component: "controller" }, "default");
  await createForeign("speaker", { app: "metallb", component: "speaker" });
  await createServed(cluster.api, ["undisturbed"]);
  expect((await findLeader(cluster)).identity).toBe(identity);
});
