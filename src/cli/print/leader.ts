import type { LeaderSign } from "../inspect/lease-signs.ts";
import { ageOf } from "./age.ts";

/** Who leads, in a sentence for people. `now` is the server's. */
export function describeLeader({ leader, renewedAt }: LeaderSign, now: Date): string {
  const heard = renewedAt === undefined ? "" : `heard of ${ageOf(renewedAt, now)} ago`;
  return leader === undefined
    ? `No controller leads${heard === "" ? "" : ` (the last was ${heard})`}: nothing is given out, and nothing moves`
    : `Controller ${leader} leads, ${heard}`;
}
