import type { EventRecorder } from "../kube/event-recorder.ts";
import type { LeaseElection } from "../kube/lease-election.ts";
import type { MetricDefinition, Metrics } from "../runtime/metrics.ts";
import type { ForeignControllers } from "./foreign-controllers.ts";

/** What every replica of the controller tells, whether it leads or not. */
export const controllerMetrics = {
  leader: {
    name: "steelyard_leader",
    type: "gauge",
    help: "1 while this replica leads, else 0.",
  },
  holder: {
    name: "steelyard_leader_info",
    type: "gauge",
    help: "Always 1; says who holds the Lease, as this replica last saw it.",
    labels: ["holder"],
  },
  eventsDropped: {
    name: "steelyard_events_dropped_total",
    type: "counter",
    help: "Kubernetes Events that were lost: too many at once, or not taken.",
  },
  foreignControllers: {
    name: "steelyard_foreign_controllers",
    type: "gauge",
    help: "Pods of MetalLB's controller in the namespace of the configuration; while there is one, nobody leads.",
  },
  admissionRequests: {
    name: "steelyard_admission_requests_total",
    type: "counter",
    help: "Questions of the API server to the webhook, by verdict: allowed, warned or refused.",
    labels: ["verdict"],
  },
  webhookCertificateEnd: {
    name: "steelyard_webhook_certificate_end_seconds",
    type: "gauge",
    help: "When the webhook's certificate ends, in Unix time; 0: it has none yet.",
  },
} as const satisfies Record<string, MetricDefinition>;

/** Adds who leads or keeps us from it, and what became of Events. */
export function describeController(
  metrics: Metrics,
  election: Pick<LeaseElection, "leading" | "holder">,
  events: Pick<EventRecorder, "dropped">,
  foreign: Pick<ForeignControllers, "pods">,
): void {
  metrics.read(controllerMetrics.leader, () => Number(election.leading));
  metrics.read(controllerMetrics.holder, () =>
    election.holder === undefined ? [] : [[[election.holder], 1]],
  );
  metrics.read(controllerMetrics.eventsDropped, () => events.dropped);
  metrics.read(controllerMetrics.foreignControllers, () => foreign.pods.length);
}
