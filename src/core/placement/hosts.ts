/** The nodes on which Pods of one Service run. */
export interface EndpointNodes {
  /** With a Pod that is ready. */
  readonly ready: ReadonlySet<string>;
  /** With a Pod that still serves, though it is not ready: mostly one that is about to end. */
  readonly serving: ReadonlySet<string>;
}

/**
 * Returns the nodes that can serve an address by Pods of their own, as kube-proxy
 * sees it: those with ready Pods, and only where there is none anywhere those with
 * Pods that still serve. `undefined`: there are none, so one node is as good as another.
 *
 * `services` are those on the address that are to be served so. A node that serves
 * all of them is better than one that serves some.
 */
export function hostsOf(services: readonly EndpointNodes[]): ReadonlySet<string> | undefined {
  const [first, ...others] = services
    .map(({ ready, serving }) => (ready.size > 0 ? ready : serving))
    .filter(({ size }) => size > 0);
  if (first === undefined) {
    return undefined;
  }
  const all = others.reduce((common, nodes) => intersection(common, nodes), first);
  return all.size > 0 ? all : new Set([first, ...others].flatMap((nodes) => [...nodes]));
}

/** True if no Pod of any of these Services serves anywhere. */
export function isWithoutEndpoints(services: readonly EndpointNodes[]): boolean {
  return services.every(({ ready, serving }) => ready.size + serving.size === 0);
}

function intersection(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a].filter((node) => b.has(node)));
}
