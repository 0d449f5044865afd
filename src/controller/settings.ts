import type { MetricsSettings } from "../kube/metrics-endpoint.ts";
import type { LogLevel } from "../runtime/log.ts";
import type { PlacementRules } from "./placement.ts";

/** What the command line says of who announces. */
export interface PlacementSettings extends PlacementRules {
  /** How long addresses may be on a node that is not the best one; 0: for ever. */
  readonly rebalanceAfterMs: number;
}

/** What the command line says of other hosts that have our addresses. */
export interface ConflictSettings {
  /** Hosts that have free addresses are looked for. */
  readonly probes: boolean;
  /** Hardware addresses that are never in conflict, as of routers that answer ARP for others. */
  readonly ignoredMacs: readonly string[];
}

/** What the command line and the environment say, checked. */
export interface ControllerSettings extends MetricsSettings {
  /** Absent: this runs in a Pod. */
  readonly kubeconfig: string | undefined;
  /** Where our Leases are. */
  readonly namespace: string;
  /** Where pools and advertisements are. */
  readonly configNamespace: string;
  readonly podName: string;
  /** Undefined: Events about this Pod are not shown where it is described. */
  readonly podUid: string | undefined;
  /** Serve only Services of exactly this class; empty: those without any. */
  readonly loadBalancerClass: string;
  readonly defaultAdvertisement: boolean;
  readonly placement: PlacementSettings;
  readonly conflicts: ConflictSettings;
  readonly healthProbePort: number;
  /** 0: no admission webhook. */
  readonly webhookPort: number;
  readonly logLevel: LogLevel;
}
