import type { V1Lease, V1Pod } from "@kubernetes/client-node";
import * as resources from "../../src/kube/resources.ts";
import { pods } from "./cluster-api.ts";
import { eventually, type InstalledCluster } from "./installed-cluster.ts";

const system = "steelyard-system";

type Cluster = Pick<InstalledCluster, "api" | "sandbox">;

/** The controller that leads now. */
export interface ControllerLeader {
  /** As in the Lease: another process has another one, in the same Pod too. */
  readonly identity: string;
  readonly pid: number;
}

/** Finds the process behind the controller's Lease. Throws when nothing runs there. */
export async function findLeader({ api, sandbox }: Cluster): Promise<ControllerLeader> {
  const identity = await holderOf(api);
  const name = identity.split("_")[0] ?? "";
  const pod = await api.get<V1Pod>(pods, name, system);
  const node = sandbox.nodes.find((it) => it.name === pod?.spec?.nodeName);
  const process = node?.podProcess(system, name);
  if (process === undefined) {
    throw new Error(`the Lease is held by "${identity}", but no such process runs`);
  }
  return { identity, pid: process.pid };
}

/** The node on which the leader runs; empty: nobody leads. */
export async function leadersNode({ api }: Cluster): Promise<string> {
  const name = (await holderOf(api)).split("_")[0] ?? "";
  return (await api.get<V1Pod>(pods, name, system))?.spec?.nodeName ?? "";
}

/** Resolves when somebody else has the Lease. */
export async function leaderOtherThan({ api }: Cluster, identity: string): Promise<string> {
  return await eventually(`a leader other than ${identity}`, async () => {
    const holder = await holderOf(api);
    return holder !== "" && holder !== identity ? holder : undefined;
  });
}

/** The processes of all controllers that run now, standbys too. */
export async function controllerPids({ api, sandbox }: Cluster): Promise<readonly number[]> {
  return (await controllerPods(api)).flatMap(({ metadata, spec }) => {
    const node = sandbox.nodes.find(({ name }) => name === spec?.nodeName);
    return node?.podProcess(system, metadata?.name ?? "")?.pid ?? [];
  });
}

/** Resolves when both controllers are ready, so that one can take over from the other. */
export async function bothControllersReady({ api }: Cluster): Promise<void> {
  await eventually("two controllers that are ready", async () => {
    const ready = (await controllerPods(api)).filter(
      ({ status }) => status?.containerStatuses?.[0]?.ready,
    );
    return ready.length === 2;
  });
}

async function controllerPods(api: Cluster["api"]): Promise<readonly V1Pod[]> {
  const all = await api.list<V1Pod>(pods, system);
  return all.filter(
    ({ metadata }) => metadata?.labels?.["app.kubernetes.io/component"] === "controller",
  );
}

async function holderOf(api: Cluster["api"]): Promise<string> {
  const lease = await api.get<V1Lease>(resources.leases, "steelyard-controller", system);
  return lease?.spec?.holderIdentity ?? "";
}
