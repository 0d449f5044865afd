import type { MetricsSettings } from "../kube/metrics-endpoint.ts";
import type { LogLevel } from "../runtime/log.ts";

/** What the command line and the environment say, checked. */
export interface SpeakerSettings extends MetricsSettings {
  /** Absent: this runs in a Pod. */
  readonly kubeconfig: string | undefined;
  /** Where our Leases are. */
  readonly namespace: string;
  readonly nodeName: string;
  readonly podName: string;
  /** As MetalLB's `excludel2.yaml`; it may be missing. */
  readonly excludedInterfacesFile: string;
  /** Where the node's kube-proxy is asked for its health; empty: nowhere. */
  readonly dataplaneHealth: readonly string[];
  /** Addresses are announced again each so many seconds; 0: only when something changed. */
  readonly gratuitousInterval: number;
  readonly logLevel: LogLevel;
}
