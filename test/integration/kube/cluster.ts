import { type Sandbox, startSandbox } from "../../../sandbox/sandbox.ts";
import type { ClusterAccess } from "../../../src/kube/access.ts";
import { loadAccess } from "../../../src/kube/load-access.ts";
import { Transport } from "../../../src/kube/transport.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { type Log, silentLog } from "../../../src/runtime/log.ts";

/** A real API server, and what tests of its clients need. */
export interface Cluster {
  readonly sandbox: Sandbox;
  /** As the cluster's admin. */
  readonly access: ClusterAccess;
  /** Of the admin, on its own connection. */
  readonly admin: Transport;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const sandbox = await startSandbox({ nodes: 1, clients: 0 });
  const access = await loadAccess({ kubeconfig: sandbox.kubeconfigPath, clock: systemClock });
  const admin = new Transport({ access, log: silentLog, clock: systemClock });
  return {
    sandbox,
    access,
    admin,
    stop: async () => {
      await admin.close();
      await sandbox.stop();
    },
  };
}

/** A connection of its own, pinging often enough for a test. */
export function transportTo(access: ClusterAccess, log: Log = silentLog): Transport {
  return new Transport({ access, log, clock: systemClock, pingIntervalMs: 200 });
}

/** A log that keeps what was said. */
export function listeningLog(): { readonly log: Log; count(message: string): number } {
  const messages: string[] = [];
  const say = (_fields: object, message: string): void => {
    messages.push(message);
  };
  const log: Log = { debug: say, info: say, warn: say, error: say, child: () => log };
  return { log, count: (message) => messages.filter((one) => one === message).length };
}
