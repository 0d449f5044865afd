import type { ApiObject, SimulatedApi } from "./simulated-api.ts";

interface Endpoint {
  readonly nodeName: string;
  readonly conditions: { readonly ready: boolean; readonly serving: boolean };
}

/**
 * Where a Service with externalTrafficPolicy Local has Pods, its address is announced by a node
 * with one, and nobody else stands by: said without the code that decides.
 */
export function unserved(api: SimulatedApi, { spec }: ApiObject): readonly string[] {
  const bundle = api.get("l2bundles", spec.bundle ?? "");
  const hosts = new Set(
    (spec.holders as readonly { readonly namespace: string; readonly name: string }[]).flatMap(
      ({ namespace, name }) => [...nodesWithPods(api, namespace, name)],
    ),
  );
  if (bundle === undefined || hosts.size === 0) {
    return [];
  }
  const named: readonly { readonly node: string }[] = [bundle.spec.owner, ...bundle.spec.standbys];
  const without = named.map(({ node }) => node).filter((node) => !hosts.has(node));
  return without.length === 0
    ? []
    : [`${spec.address} is for ${without}, and Pods are on ${[...hosts]}`];
}

/** The nodes that there are with Pods that are ready, or else serve; none for a Service that any node serves. */
function nodesWithPods(api: SimulatedApi, namespace: string, name: string): ReadonlySet<string> {
  const service = api.get("services", `${namespace}/${name}`);
  if (service?.spec.externalTrafficPolicy !== "Local") {
    return new Set();
  }
  const slice = api.get("endpointslices", `${namespace}/${name}-x`) as
    | { readonly endpoints?: readonly Endpoint[] }
    | undefined;
  const all = slice?.endpoints ?? [];
  const ready = all.filter(({ conditions }) => conditions.ready);
  const serving = ready.length > 0 ? ready : all.filter(({ conditions }) => conditions.serving);
  const nodes = serving.map(({ nodeName }) => nodeName);
  return new Set(nodes.filter((node) => api.get("nodes", node) !== undefined));
}
