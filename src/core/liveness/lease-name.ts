const prefix = "steelyard-speaker-";

/** The name of the Lease by which the speaker of `node` shows that it is alive. */
export function speakerLeaseName(node: string): string {
  return prefix + node;
}

/** The node whose speaker renews the Lease of that name; `undefined`: it is no speaker's. */
export function nodeOfSpeakerLease(lease: string): string | undefined {
  return lease.startsWith(prefix) ? lease.slice(prefix.length) : undefined;
}
