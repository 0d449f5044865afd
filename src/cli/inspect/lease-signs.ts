import { nodeOfSpeakerLease } from "../../core/liveness/lease-name.ts";
import { deadAfterMs } from "../../core/liveness/speaker-liveness.ts";
import { listField, textField } from "../../kube/decode/fields.ts";

/** A Lease of Steelyard, and when the API server took its last change. */
export interface LeaseSign {
  readonly name: string;
  /** Who holds it: a Pod, and behind `_` a text of its own. */
  readonly holder: string;
  /** By the clock of the API server, RFC 3339; empty: it does not say. */
  readonly changedAt: string;
}

/** The leading controller, in `--output json`: docs/commands.md describes it for programs. */
export interface LeaderSign {
  /** The Pod that holds the Lease; missing: none does, or it has not renewed it for 15 s. */
  readonly leader?: string;
  /** When the Lease was renewed last, RFC 3339, by the API server's clock; missing: there is none. */
  readonly renewedAt?: string;
}

/** The API server's times are whole seconds, and an answer is a while on its way. */
const slackMs = 2_000;
/** The Lease of the leading controller. */
const controllerLease = "steelyard-controller";
/** Who has not renewed it for so long leads no more. */
const leaseMs = 15_000;

/** Reads a Lease. Its own `renewTime` is by the clock of whoever renews it, which may be wrong. */
export function decodeLeaseSign(raw: unknown): LeaseSign {
  const times = listField(raw, "metadata", "managedFields").flatMap(
    (entry) => textField(entry, "time") ?? [],
  );
  return {
    name: textField(raw, "metadata", "name") ?? "",
    holder: textField(raw, "spec", "holderIdentity") ?? "",
    changedAt: times.sort().at(-1) ?? "",
  };
}

/** The nodes whose speakers have renewed their Leases lately. `now`: the time at the API server. */
export function livingSpeakers(leases: readonly LeaseSign[], now: Date): ReadonlySet<string> {
  const since = now.getTime() - deadAfterMs - slackMs;
  return new Set(
    leases
      .filter(({ changedAt }) => Date.parse(changedAt) >= since)
      .flatMap(({ name }) => nodeOfSpeakerLease(name) ?? []),
  );
}

/** Who leads. `now`: the time at the API server. */
export function leaderOf(leases: readonly LeaseSign[], now: Date): LeaderSign {
  const lease = leases.find(({ name }) => name === controllerLease);
  const [holder = ""] = lease?.holder.split("_") ?? [];
  const renewedAt = lease?.changedAt ?? "";
  const isFresh = now.getTime() - Date.parse(renewedAt) <= leaseMs + slackMs;
  return {
    ...(holder !== "" && isFresh ? { leader: holder } : {}),
    ...(renewedAt === "" ? {} : { renewedAt }),
  };
}
