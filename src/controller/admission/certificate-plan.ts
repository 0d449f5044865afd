import { createPrivateKey, X509Certificate } from "node:crypto";
import type { CertificatePair, WebhookSecret } from "../../kube/decode/webhook-secret.ts";

/**
 * What is to be done about a webhook's certificate:
 *
 * - `issue`: none can be served; make one and serve it at once.
 * - `prepare`: the one served will run out; make the next, which is to be trusted first.
 * - `promote`: the next is trusted everywhere: serve it.
 */
export type CertificateStep = "none" | "issue" | "prepare" | "promote";

export interface CertificateState {
  readonly secret: WebhookSecret;
  /** The name in DNS that it is called by. */
  readonly serverName: string;
  readonly now: Date;
  /** For how long its authorities have been registered with every webhook; undefined: they are not. */
  readonly trustedForMs: number | undefined;
}

const dayMs = 86_400_000;
export const certificateLifetimeMs = 365 * dayMs;
/** A quarter of a year in which a cluster without a leader goes on with the old one. */
const renewBeforeMs = 120 * dayMs;
/** Clocks of API servers and of the leader may be that far apart. */
export const clockSkewMs = 3_600_000;
/** API servers hear of a registration within moments; this is many of them. */
export const trustTakesMs = 30_000;

/** What to do about the certificate now. */
export function planCertificate(state: CertificateState): CertificateStep {
  const { serving, next } = state.secret;
  const nextIsGood = isUsable(next, state);
  if (!isUsable(serving, state)) {
    return nextIsGood ? "promote" : "issue";
  }
  if (nextIsGood) {
    return (state.trustedForMs ?? 0) >= trustTakesMs ? "promote" : "none";
  }
  const { validToDate } = new X509Certificate(serving.cert);
  return validToDate.getTime() - state.now.getTime() < renewBeforeMs ? "prepare" : "none";
}

/** True if `pair` fits together, is good now, for that name, and by one of the authorities. */
export function isUsable(
  pair: CertificatePair | undefined,
  { secret, serverName, now }: Pick<CertificateState, "secret" | "serverName" | "now">,
): pair is CertificatePair {
  if (pair === undefined) {
    return false;
  }
  try {
    const certificate = new X509Certificate(pair.cert);
    return (
      isCurrent(certificate, now) &&
      certificate.checkHost(serverName) !== undefined &&
      certificate.checkPrivateKey(createPrivateKey(pair.key)) &&
      authorityOf(pair, secret.authorities, now) !== undefined
    );
  } catch {
    // Somebody wrote something else there.
    return false;
  }
}

/** The one of `authorities` that vouches for `pair`, PEM. */
export function authorityOf(
  pair: CertificatePair,
  authorities: string,
  now: Date,
): string | undefined {
  const certificate = new X509Certificate(pair.cert);
  return authorities
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
    ?.find((pem) => {
      const authority = new X509Certificate(pem);
      return isCurrent(authority, now) && certificate.verify(authority.publicKey);
    });
}

function isCurrent({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return validFromDate <= now && now < validToDate;
}
