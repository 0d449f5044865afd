import { speakerLeaseName } from "../core/liveness/lease-name.ts";
import type { LeaseOwner } from "../kube/lease.ts";
import { LeaseRenewer, type LeaseRenewerOptions } from "../kube/lease-renewer.ts";
import { loadAccess } from "../kube/load-access.ts";
import { openMetrics } from "../kube/metrics-endpoint.ts";
import { Transport } from "../kube/transport.ts";
import { interrupted } from "../kube/watch-state.ts";
import { Writer } from "../kube/write.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { serveHealth } from "../runtime/health-server.ts";
import { openLog } from "../runtime/log.ts";
import { shutdownSignal } from "../runtime/shutdown.ts";
import { DataplaneProbe } from "./dataplane-probe.ts";
import { readExcludedInterfaces } from "./excluded-interfaces.ts";
import { describeSpeaker } from "./metrics.ts";
import { NetworkSide } from "./network-side.ts";
import { nodeReport } from "./node-report.ts";
import { ReportWriter } from "./report-writer.ts";
import type { SpeakerSettings } from "./settings.ts";
import { SpeakerWatch } from "./speaker-watch.ts";
import { VanishedObjects } from "./vanished-objects.ts";

/** A dead connection must be noticed well before the 6 s after which this speaker counts as dead. */
const pingIntervalMs = 1_000;

/**
 * Runs the speaker of one node until SIGTERM. Resolves to the exit code.
 *
 * Order matters: the node reports its networks before it shows that it is alive,
 * so that a live speaker is one whose networks are known.
 */
export async function runSpeaker(settings: SpeakerSettings): Promise<number> {
  const { namespace, nodeName, podName } = settings;
  const log = openLog(settings.logLevel).child({ node: nodeName });
  const clock = systemClock;
  const signal = shutdownSignal();
  const excluded = await readExcludedInterfaces(settings.excludedInterfacesFile);
  const access = await loadAccess({ kubeconfig: settings.kubeconfig, clock });
  const reads = new Transport({ access, log, clock, pingIntervalMs });
  const writes = new Transport({ access, log, clock, pingIntervalMs });
  const watch = new SpeakerWatch({ transport: reads, node: nodeName, clock, log });
  const vanished = new VanishedObjects(clock, () => watch.live);
  const { allocations, bundles, ownSpeaker } = watch;
  const network = new NetworkSide({
    node: nodeName,
    ...{ allocations, bundles, ownSpeaker, vanished, excluded, clock, log },
    refreshSeconds: settings.gratuitousInterval,
    onChange: () => report.trigger(),
  });
  const { link, driver, conflicts } = network;
  const report = new ReportWriter({
    node: nodeName,
    writer: new Writer(writes, () => true),
    ownSpeaker: watch.ownSpeaker,
    report: () =>
      nodeReport(driver.state, driver, driver.applied, dataplane.dataplane, conflicts.report),
    clock,
    log,
  });
  const owner = (): LeaseOwner | undefined =>
    nodeAsOwner(nodeName, watch.ownSpeaker.get(nodeName)?.nodeUid);
  const lease = signOfLife(settings, { transport: writes, owner, clock, log });
  const urls = settings.dataplaneHealth;
  const dataplane = new DataplaneProbe({ urls, clock, log, onChange: () => report.trigger() });

  // Made anew, restored from a copy, or written by the speaker that this one replaces.
  watch.ownSpeaker.onChange(() => report.trigger());
  watch.ownSpeaker.onWentBack(() => report.trigger());

  const { metrics, served } = openMetrics(
    { settings, transports: [reads, writes], watches: watch.watches, clock, log },
    signal,
  );
  describeSpeaker(metrics, { ...network, node: nodeName, allocations, lease, clock });
  network.open();
  const notReady = (): readonly string[] => [
    ...watch.notSynced(),
    ...driver.brokenSockets(),
    ...lease.problem,
    ...(report.reported ? [] : ["this node has not reported yet"]),
  ];
  const state = (): readonly string[] => interrupted(watch.watches);
  await serveHealth({ address: { podName }, notReady, state, log }, signal);
  log.info({ podName, namespace }, "speaker started");
  const background = [watch.run(signal), served, vanished.run(signal), network.run(signal)];
  await until(() => watch.synced, clock, signal);
  network.start();
  await dataplane.ask();
  background.push(report.run(signal), dataplane.run(signal));
  await until(() => report.reported, clock, signal);
  background.push(lease.run(signal));
  await Promise.all(background);
  await link.close();
  await Promise.all([reads.close(), writes.close()]);
  log.info({}, "speaker stopped");
  return 0;
}

/** What the leader sees that this speaker lives by. */
function signOfLife(
  { namespace, nodeName, podName }: SpeakerSettings,
  options: Pick<LeaseRenewerOptions, "transport" | "owner" | "clock" | "log">,
): LeaseRenewer {
  return new LeaseRenewer({
    ...options,
    namespace,
    name: speakerLeaseName(nodeName),
    holderIdentity: podName,
  });
}

/** The Node, whose uid only its L2Speaker tells: a speaker may read no Nodes. */
function nodeAsOwner(name: string, uid: string | undefined): LeaseOwner | undefined {
  return uid === undefined ? undefined : { apiVersion: "v1", kind: "Node", name, uid };
}

/** Resolves when `holds` does, or when `signal` aborts. */
async function until(holds: () => boolean, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!holds() && !signal.aborted) {
    await clock.sleep(20, signal);
  }
}
