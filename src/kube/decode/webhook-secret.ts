import type { Stored } from "../store.ts";
import { textField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** A certificate and its private key, PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** What the Secret of a webhook holds. Nothing here may go into a log. */
export interface WebhookSecret {
  /** What is served. */
  readonly serving: CertificatePair | undefined;
  /** What will be served once the API servers trust it. */
  readonly next: CertificatePair | undefined;
  /** The authorities that are to be trusted, PEM, the newest first. */
  readonly authorities: string;
}

/** The Secret and which version of it this is. */
export interface WebhookSecretObject extends Stored {
  readonly secret: WebhookSecret;
}

/** Reads a webhook's Secret; as the install makes it, it is empty. */
export function decodeWebhookSecret(raw: unknown): WebhookSecretObject {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  const text = (name: string): string | undefined => {
    const encoded = textField(raw, "data", name);
    return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
  };
  const pair = (name: string): CertificatePair | undefined => {
    const [cert, key] = [text(`${name}.crt`), text(`${name}.key`)];
    return cert === undefined || key === undefined ? undefined : { cert, key };
  };
  const authorities = text("ca.crt") ?? "";
  return {
    key,
    uid,
    resourceVersion,
    secret: { serving: pair("tls"), next: pair("next"), authorities },
  };
}

/** The `data` of the Secret: the inverse of {@link decodeWebhookSecret}. */
export function encodeWebhookSecret(secret: WebhookSecret): Readonly<Record<string, string>> {
  const { serving, next, authorities } = secret;
  const texts = {
    "ca.crt": authorities,
    ...(serving === undefined ? {} : { "tls.crt": serving.cert, "tls.key": serving.key }),
    ...(next === undefined ? {} : { "next.crt": next.cert, "next.key": next.key }),
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
}
