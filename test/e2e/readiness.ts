import type { V1Pod } from "@kubernetes/client-node";
import type { SandboxNode } from "../../sandbox/node.ts";
import { pods } from "./cluster-api.ts";
import type { InstalledCluster } from "./installed-cluster.ts";

const system = "steelyard-system";

/** A Pod of Steelyard, as long as it exists; asked without the API server. */
export interface ProbedPod {
  readonly name: string;
  readonly component: string;
  /** What its `/readyz` says now: `ok`, the reasons why not, or nothing where nobody answers. */
  readyz(): Promise<string>;
}

/** The Pods of Steelyard that there are now. */
export async function probedPods({
  api,
  sandbox,
}: InstalledCluster): Promise<readonly ProbedPod[]> {
  const all = await api.list<V1Pod>(pods, system);
  return all.flatMap((pod) => {
    const node = sandbox.nodes.find(({ name }) => name === pod.spec?.nodeName);
    const name = pod.metadata?.name ?? "";
    const component = pod.metadata?.labels?.["app.kubernetes.io/component"] ?? "";
    const ip = pod.status?.podIP ?? "";
    return node === undefined ? [] : { name, component, readyz: () => ask(node, name, ip) };
  });
}

/** A speaker answers at the socket that bears its name, a controller at a port of its own address. */
async function ask(node: SandboxNode, pod: string, ip: string): Promise<string> {
  const quietly = ["curl", "--silent", "--max-time", "2"];
  const where = pod.includes("speaker")
    ? ["--abstract-unix-socket", `steelyard/${pod}`, "http://speaker/readyz"]
    : [`http://${ip}:17472/readyz`];
  return (await node.exec([...quietly, ...where])).stdout.trim();
}
