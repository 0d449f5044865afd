import type { Clock } from "../runtime/clock.ts";
import type { ClusterAccess } from "./access.ts";
import { inClusterAccess } from "./in-cluster-access.ts";

/**
 * Finds the API server: through `kubeconfig` when given, else as a Pod does.
 * @throws Error saying what is missing when neither is usable
 */
export async function loadAccess(options: {
  kubeconfig?: string | undefined;
  /** Of the kubeconfig; undefined: its current one. */
  context?: string | undefined;
  clock: Clock;
  env?: Readonly<Record<string, string | undefined>>;
}): Promise<ClusterAccess> {
  if (options.kubeconfig !== undefined && options.kubeconfig !== "") {
    // Loaded only here: it costs 80 MB that a Pod does not need to pay.
    const { kubeconfigAccess } = await import("./kubeconfig-access.ts");
    return kubeconfigAccess(options.kubeconfig, options.clock, options.context);
  }
  return inClusterAccess(options.env ?? process.env, options.clock);
}
