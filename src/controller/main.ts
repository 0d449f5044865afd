import { randomUUID } from "node:crypto";
import { EventRecorder } from "../kube/event-recorder.ts";
import { type Leadership, LeaseElection } from "../kube/lease-election.ts";
import { loadAccess } from "../kube/load-access.ts";
import { openMetrics } from "../kube/metrics-endpoint.ts";
import { Transport } from "../kube/transport.ts";
import { interrupted, notSynced } from "../kube/watch-state.ts";
import { systemClock } from "../runtime/clock.ts";
import { serveHealth } from "../runtime/health-server.ts";
import { openLog } from "../runtime/log.ts";
import { shutdownSignal } from "../runtime/shutdown.ts";
import { AdmissionWebhook } from "./admission/admission-webhook.ts";
import { ClusterWatch } from "./cluster-stores.ts";
import { ForeignControllers } from "./foreign-controllers.ts";
import { Leader } from "./leader.ts";
import { describeController } from "./metrics.ts";
import type { ControllerSettings } from "./settings.ts";
import { SpeakerLiveness } from "./speaker-liveness.ts";

/** The Lease that the replicas contend for. */
const leaseName = "steelyard-controller";

/** A dead connection must be noticed well before the Lease and the speakers look expired. */
const pingIntervalMs = 1_000;

/**
 * Runs the controller until SIGTERM. Every replica watches; one leads and writes.
 *
 * Resolves to the exit code: 0 after a signal, 1 when leadership was lost. A
 * process that led starts anew rather than trusting what it remembers.
 */
export async function runController(settings: ControllerSettings): Promise<number> {
  const log = openLog(settings.logLevel);
  const clock = systemClock;
  const signal = shutdownSignal();
  const access = await loadAccess({ kubeconfig: settings.kubeconfig, clock });
  const open = (): Transport => new Transport({ access, log, clock, pingIntervalMs });
  const [reads, writes, lease] = [open(), open(), open()];
  const { namespace, configNamespace, podName, loadBalancerClass } = settings;
  const watch = new ClusterWatch({
    ...{ transport: reads, ...settings, ...settings.placement, clock, log },
  });
  const shared = { ...settings, stores: watch.stores, clock, log };
  const webhook = new AdmissionWebhook({ ...shared, transport: reads });
  const reporting = {
    ...{ transport: writes, component: "steelyard-controller", instance: podName, clock, log },
  };
  // A process that was stopped past its Lease tells of decisions that may not stand any more.
  const events = new EventRecorder({ ...reporting, mayWrite: () => election.leading });
  const ownEvents = new EventRecorder(reporting);
  const foreign = new ForeignControllers({
    ...{ ...settings, transport: reads, events: ownEvents, clock, log },
    namespaces: watch.stores.namespaces,
  });
  const election = new LeaseElection({
    transport: lease,
    namespace,
    name: leaseName,
    identity: `${podName}_${randomUUID()}`,
    releaseOnShutdown: true,
    clock,
    log,
  });
  const watches = [...watch.watches, ...foreign.watches];
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  await serveHealth(
    {
      address: { host: "::", port: settings.healthProbePort },
      notReady: () => [...watch.notReady(), ...notSynced(foreign.watches), ...election.problem],
      state: () => [whoLeads(election), ...foreign.problems, ...interrupted(watches)],
      log,
    },
    ended,
  );
  const transports = [reads, lease, writes] as const;
  const { metrics, served } = openMetrics({ settings, transports, watches, clock, log }, ended);
  describeController(metrics, election, events, foreign);
  webhook.describe(metrics);
  log.info({ namespace, configNamespace, loadBalancerClass, podName }, "controller started");
  const background = [watch, foreign, events, ownEvents, webhook].map((part) => part.run(ended));
  await watch.synced(ended);
  webhook.knowCluster();
  const liveness = new SpeakerLiveness({ stores: watch.stores, clock, log });
  liveness.start(ended);
  let lost = false;
  watch.onOwnKindLost((problem) => {
    // With its kind all objects go, which is no release of any address: whoever leads must not act on it.
    log.error(
      {},
      `${problem}: apply Steelyard's manifest; this process ends and waits for it anew`,
    );
    lost = true;
    done.abort(new Error(problem));
  });
  const lead = async (leadership: Leadership): Promise<void> => {
    const leader = new Leader({ ...shared, liveness, writes, leadership, events, metrics });
    const leading = leader.run();
    const whileLeading = AbortSignal.any([leadership.signal, ended]);
    webhook.follow(leader.derived, writes, leadership, whileLeading);
    await leading;
    lost = !signal.aborted;
    done.abort(new Error("leadership ended"));
  };
  await foreign.whileAbsent((undisturbed) => election.run(lead, undisturbed), ended);
  await Promise.all([...background, served]);
  await Promise.all(transports.map((transport) => transport.close()));
  log.info({}, lost ? "leadership lost; this process ends to start afresh" : "controller stopped");
  return lost ? 1 : 0;
}

function whoLeads({ leading, holder }: LeaseElection): string {
  return leading ? "leader: this replica" : `standby: ${holder ?? "nobody"} leads`;
}
