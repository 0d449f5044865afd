import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { ClusterAccess } from "../../kube/access.ts";
import { loadAccess } from "../../kube/load-access.ts";
import { type Manifest, parseManifest } from "../../kube/manifest.ts";
import { Transport } from "../../kube/transport.ts";
import type { Clock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { type CheckSettings, checkObjects } from "./check-objects.ts";
import { type CheckReport, exitCodeOf, formatJson, formatReport } from "./checked-finding.ts";
import { findLeftovers } from "./cluster-leftovers.ts";
import { checkPresent } from "./configuration-check.ts";
import { PlannedCluster } from "./planned-cluster.ts";

export interface CheckOptions extends Omit<CheckSettings, "offline"> {
  /** Paths; `-` is stdin. */
  readonly files: readonly string[];
  /** Look at what is in the cluster, too. */
  readonly cluster: boolean;
  readonly kubeconfig: string | undefined;
  readonly output: "text" | "json";
  readonly clock: Clock;
}

/** Checks files, the cluster or both, and prints what is wrong to stdout. Resolves to the exit code. */
export async function check(options: CheckOptions): Promise<number> {
  const report = await look(options);
  process.stdout.write(options.output === "json" ? formatJson(report) : formatReport(report));
  return exitCodeOf(report);
}

async function look(options: CheckOptions): Promise<CheckReport> {
  const manifests = await Promise.all(options.files.map(readManifest));
  const objects = manifests.flatMap((manifest) => manifest.objects);
  const problems = manifests.flatMap((manifest) =>
    manifest.problems.map(
      ({ file, line, message }) => `${file}:${line}: cannot be read: ${message}`,
    ),
  );
  const settings = { ...options, offline: !options.cluster };
  if (!options.cluster) {
    const cluster = await PlannedCluster.read({ ...options, transport: undefined });
    return { ...checkObjects(objects, cluster, settings), problems };
  }
  const access = await loadAccess(options);
  return await withTransport(access, options.clock, async (transport) => {
    const cluster = await PlannedCluster.read({ ...options, transport });
    const remains = await findLeftovers(transport);
    const own =
      options.files.length === 0 ? checkPresent(cluster) : checkObjects(objects, cluster, settings);
    return {
      checked: own.checked,
      findings: [...own.findings, ...remains.findings],
      problems: [...problems, ...remains.problems],
    };
  });
}

async function readManifest(file: string): Promise<Manifest> {
  try {
    const content = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
    return parseManifest(content, file === "-" ? "stdin" : file);
  } catch (error) {
    throw new Error(`Cannot read ${file}`, { cause: error });
  }
}

async function withTransport<T>(
  access: ClusterAccess,
  clock: Clock,
  work: (transport: Transport) => Promise<T>,
): Promise<T> {
  const transport = new Transport({ access, log: silentLog, clock });
  try {
    return await work(transport);
  } finally {
    await transport.close();
  }
}
