import {
  type ConfigurationKind,
  configurationDecoders,
} from "../../controller/admission/admission-judge.ts";
import { configurationKinds } from "../../controller/definitions.ts";
import { unannounced } from "../../core/admission/advertisement-findings.ts";
import type { Change, Finding } from "../../core/admission/finding.ts";
import { findingsOf, type WrittenConfiguration } from "../../core/admission/findings-of.ts";
import type { KnownCluster } from "../../core/admission/known-cluster.ts";
import type { WrittenPool } from "../../core/admission/pool-findings.ts";
import type { CheckedFinding, CheckReport } from "./checked-finding.ts";
import type { PlannedCluster } from "./planned-cluster.ts";

/** What is wrong with an object, once all of them are in the planned cluster. */
export type Judgement = (known: KnownCluster) => readonly Finding[];

/** Puts an object of the configuration into the planned cluster, and tells how to judge it there. */
export function putConfiguration<K extends ConfigurationKind>(
  kind: K,
  raw: unknown,
  cluster: PlannedCluster,
): Judgement {
  const change = cluster.put(cluster.configuration[kind], configurationDecoders[kind], raw);
  return (known) => judged(kind, change, pasts[kind](change, known), known);
}

/** What is wrong with the configuration that is in the cluster. */
export function checkPresent(cluster: PlannedCluster): Pick<CheckReport, "checked" | "findings"> {
  const known = cluster.known();
  const kinds = Object.keys(configurationKinds) as ConfigurationKind[];
  const sizes = kinds.map((kind) => cluster.configuration[kind].size);
  return {
    checked: sizes.reduce((sum, size) => sum + size, 0),
    findings: kinds.flatMap((kind) => presentFindings(kind, cluster, known)),
  };
}

function presentFindings<K extends ConfigurationKind>(
  kind: K,
  { configuration }: PlannedCluster,
  known: KnownCluster,
): readonly CheckedFinding[] {
  return [...configuration[kind].values()].flatMap((after) => {
    const [name = "", namespace] = after.key.split("/").reverse();
    const { kind: word } = configurationKinds[kind];
    const place = { file: "cluster", line: undefined, kind: word, namespace, name };
    const findings = judged(kind, { before: undefined, after }, known, known);
    return findings.map((finding) => ({ ...place, ...finding, command: undefined }));
  });
}

/** `past`: the cluster as it is without the change; `planned`: with it, and all others that are planned. */
function judged<K extends ConfigurationKind>(
  kind: K,
  change: Change<WrittenConfiguration[K]>,
  past: KnownCluster,
  planned: KnownCluster,
): readonly Finding[] {
  const silent = kind === "pools" ? unannounced(change.after as WrittenPool, planned) : [];
  return [...findingsOf(kind, change, past), ...silent];
}

/** The others as they will be, and this one as it is: what goes is seen, and where it went. */
const pasts: {
  readonly [K in ConfigurationKind]: (
    change: Change<WrittenConfiguration[K]>,
    planned: KnownCluster,
  ) => KnownCluster;
} = {
  pools: ({ before, after }, planned) => ({
    ...planned,
    pools: [
      ...planned.pools.filter(({ name }) => name !== after?.name),
      ...(before?.pool === undefined ? [] : [before.pool]),
    ],
  }),
  advertisements: ({ before, after }, planned) => ({
    ...planned,
    advertisements: [
      ...planned.advertisements.filter(({ name }) => name !== after?.name),
      ...(before?.advertisement === undefined ? [] : [before.advertisement]),
    ],
  }),
  policies: (_, planned) => planned,
};
