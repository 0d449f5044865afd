import type { SimulatedNetwork } from "./simulated-network.ts";

/** The Pods of a Service come, go, get ready or are about to end, on any of `nodes`. */
export function changeEndpoints(
  { api, random, trace }: SimulatedNetwork,
  service: string,
  nodes: readonly string[],
): void {
  const [namespace = "", name = ""] = service.split("/");
  const endpoints = nodes
    .filter(() => random.chance(0.6))
    .map((nodeName) => ({
      nodeName,
      conditions: random.pick([
        { ready: true, serving: true },
        { ready: true, serving: true },
        { ready: false, serving: true, terminating: true },
        { ready: false, serving: false },
      ]),
    }));
  const key = `${namespace}/${name}-x`;
  if (api.get("endpointslices", key) === undefined) {
    const labels = { "kubernetes.io/service-name": name };
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const metadata = { namespace, name: `${name}-x`, labels };
    api.handle({ method: "POST", path, body: { metadata, endpoints } }, "machines");
  } else {
    api.edit("machines", "endpointslices", key, () => ({ endpoints }));
  }
  trace(() => `endpoints of ${service}: ${JSON.stringify(endpoints)}`);
}
