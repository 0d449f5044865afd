import { LeaseElection } from "../../../src/kube/lease-election.ts";
import { loadAccess } from "../../../src/kube/load-access.ts";
import { Transport } from "../../../src/kube/transport.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";

/**
 * A process that contends for a Lease, to be stopped and resumed by a test.
 * Prints `elected`, then `holds` again and again as long as it may write, and
 * `lost` when it has noticed that it may not.
 */
const [kubeconfig = "", name = ""] = process.argv.slice(2);
const access = await loadAccess({ kubeconfig, clock: systemClock });
const election = new LeaseElection({
  transport: new Transport({ access, log: silentLog, clock: systemClock }),
  namespace: "default",
  name,
  identity: "process",
  clock: systemClock,
  log: silentLog,
  leaseDurationMs: 2_000,
  renewDeadlineMs: 1_200,
  retryPeriodMs: 200,
});
await election.run(async ({ signal, holds }) => {
  console.log("elected");
  while (!signal.aborted) {
    if (holds()) {
      console.log("holds");
    }
    await systemClock.sleep(5, signal);
  }
  console.log("lost");
}, new AbortController().signal);
