import { advertisementFindings, type WrittenAdvertisement } from "./advertisement-findings.ts";
import { type Change, type Finding, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";
import { policyFindings, type WrittenPolicy } from "./policy-findings.ts";
import { poolFindings, type WrittenPool } from "./pool-findings.ts";

/** The kinds of which a configuration consists, each as somebody writes it. */
export interface WrittenConfiguration {
  readonly pools: WrittenPool;
  readonly advertisements: WrittenAdvertisement;
  readonly policies: WrittenPolicy;
}

type Judgements = {
  readonly [K in keyof WrittenConfiguration]: (
    change: Change<WrittenConfiguration[K]>,
    known: KnownCluster,
  ) => readonly Finding[];
};

const judgements: Judgements = {
  pools: poolFindings,
  advertisements: advertisementFindings,
  policies: policyFindings,
};

/** What is wrong with the change of an object of the configuration, whichever kind it is of. */
export function findingsOf<K extends keyof WrittenConfiguration>(
  kind: K,
  change: Change<WrittenConfiguration[K]>,
  known: KnownCluster,
): readonly Finding[] {
  return judgements[kind](change, known);
}

/** What is to say of an object of the configuration that is in a namespace which nobody reads. */
export function elsewhere(kind: string, configNamespace: string): Finding {
  return warn(
    `Steelyard reads only the ${kind}s in namespace ${configNamespace}: this one has no effect on it`,
    "metadata.namespace",
  );
}
