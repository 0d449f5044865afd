import type { Stored } from "../store.ts";
import { listField, textField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** A ValidatingWebhookConfiguration, as far as trust goes. */
export interface WebhookRegistration extends Stored {
  /** The authorities, PEM, that each of its webhooks is called with; empty: none yet. */
  readonly trusted: readonly string[];
}

/** Reads a ValidatingWebhookConfiguration. */
export function decodeWebhookRegistration(raw: unknown): WebhookRegistration {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  const trusted = listField(raw, "webhooks").map((webhook) =>
    Buffer.from(textField(webhook, "clientConfig", "caBundle") ?? "", "base64").toString("utf8"),
  );
  return { key, uid, resourceVersion, trusted };
}

/** The same configuration as the API server sent it, with these authorities trusted by each webhook. */
export function withTrust(raw: object, authorities: string): object {
  const caBundle = Buffer.from(authorities).toString("base64");
  const webhooks = listField(raw, "webhooks").map((webhook) => ({
    ...(webhook as object),
    clientConfig: { ...(webhook as { clientConfig?: object }).clientConfig, caBundle },
  }));
  return { ...raw, webhooks };
}
