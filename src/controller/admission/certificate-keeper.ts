import {
  decodeWebhookRegistration,
  type WebhookRegistration,
  withTrust,
} from "../../kube/decode/webhook-registration.ts";
import {
  type CertificatePair,
  decodeWebhookSecret,
  encodeWebhookSecret,
  type WebhookSecret,
  type WebhookSecretObject,
} from "../../kube/decode/webhook-secret.ts";
import { objectKey } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import type { Store } from "../../kube/store.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { NewObject, Version, Writer } from "../../kube/write.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import {
  authorityOf,
  type CertificateStep,
  certificateLifetimeMs,
  clockSkewMs,
  planCertificate,
  trustTakesMs,
} from "./certificate-plan.ts";

/** Secret, Service and ValidatingWebhookConfiguration are all called so. */
export const webhookName = "steelyard-webhook";

export interface CertificateKeeperOptions {
  readonly secrets: Store<WebhookSecretObject>;
  readonly registrations: Store<WebhookRegistration>;
  readonly writer: Writer;
  /** Where the Secret and the Service are. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
}

const lookAgainMs = 3_600_000;

/** A Secret or registration as the API server sent it. */
type Raw = NewObject & { readonly metadata: Version };

/**
 * Keeps the webhook's certificate good and registered; only the leader does.
 *
 * Each certificate comes with an authority of its own, whose key is forgotten at once. A new one
 * is registered beside the old one first, and served when every API server had time to hear of it:
 * no call fails meanwhile. Every write names the version that it was decided on, so of two leaders
 * one is refused. What is in the Secret goes into no log.
 */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #queue: WorkQueue;
  readonly #serverName: string;
  /** The authorities that every webhook trusts, and since when at least. */
  #trusted: { readonly authorities: string; readonly since: number } | undefined;

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({ ...options, keyField: "certificate" });
    this.#serverName = `${webhookName}.${options.namespace}.svc`;
  }

  /** Keeps it until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { secrets, registrations } = this.#options;
    for (const store of [secrets, registrations]) {
      store.onChange(() => this.#queue.add(webhookName));
    }
    this.#queue.add(webhookName);
    await this.#queue.run(() => this.#keep(), signal);
  }

  async #keep(): Promise<void> {
    const { secrets, namespace } = this.#options;
    const known = secrets.get(objectKey(namespace, webhookName));
    if (known === undefined) {
      // The install makes it; without it nobody calls us either.
      return;
    }
    const isDue = this.#plan(known.secret) !== "none";
    const secret = isDue ? await this.#renew() : known.secret;
    await this.#register(secret.authorities);
    this.#queue.add(webhookName, this.#restMs(secret));
  }

  /** How long nothing needs to be looked at, if nobody changes anything. */
  #restMs({ next }: WebhookSecret): number {
    if (next === undefined || this.#trusted === undefined) {
      return this.#trusted === undefined ? trustTakesMs : lookAgainMs;
    }
    return Math.max(1_000, trustTakesMs - (this.#options.clock.now() - this.#trusted.since));
  }

  #plan(secret: WebhookSecret): CertificateStep {
    const { clock } = this.#options;
    const trusted =
      this.#trusted?.authorities === secret.authorities ? this.#trusted.since : undefined;
    return planCertificate({
      secret,
      serverName: this.#serverName,
      now: clock.wallTime(),
      trustedForMs: trusted === undefined ? undefined : clock.now() - trusted,
    });
  }

  /** Decides again on what the API server has now, and writes the Secret; resolves to what is in it. */
  async #renew(): Promise<WebhookSecret> {
    const { writer, namespace, secrets, log } = this.#options;
    const raw = (await writer.read(resources.secrets, { namespace, name: webhookName })) as Raw;
    const { secret } = decodeWebhookSecret(raw);
    const step = this.#plan(secret);
    const wanted = await this.#after(step, secret);
    if (wanted === undefined) {
      return secret;
    }
    const written = await writer.replace(resources.secrets, {
      ...raw,
      data: encodeWebhookSecret(wanted),
    });
    log.info({ step, secret: webhookName }, "certificate of the webhook renewed");
    secrets.upsertLocal(decodeWebhookSecret(written));
    return wanted;
  }

  async #after(step: CertificateStep, secret: WebhookSecret): Promise<WebhookSecret | undefined> {
    const { serving, next } = secret;
    switch (step) {
      case "none":
        return undefined;
      case "issue": {
        const { pair, authority } = await this.#issue();
        return { serving: pair, next: undefined, authorities: authority };
      }
      case "prepare": {
        const { pair, authority } = await this.#issue();
        const now = this.#options.clock.wallTime();
        const old = serving && authorityOf(serving, secret.authorities, now);
        return { serving, next: pair, authorities: [authority, old ?? []].flat().join("\n") };
      }
      case "promote":
        return { serving: next, next: undefined, authorities: secret.authorities };
    }
  }

  async #issue(): Promise<{ readonly pair: CertificatePair; readonly authority: string }> {
    // Only here: it costs memory that no other replica has to pay.
    const { CertificateAuthority } = await import("../../runtime/certificate-authority.ts");
    const now = this.#options.clock.wallTime().getTime();
    const validity = {
      notBefore: new Date(now - clockSkewMs),
      notAfter: new Date(now + certificateLifetimeMs),
    };
    const authority = await CertificateAuthority.create(`${webhookName}-ca`, validity);
    const pair = await authority.issue({
      subject: [{ CN: [webhookName] }],
      usage: "server",
      names: [this.#serverName],
      ...validity,
    });
    return { pair, authority: authority.certificate };
  }

  /** Sees to it that each webhook is called with trust in `authorities`. */
  async #register(authorities: string): Promise<void> {
    const { registrations, writer, clock, log } = this.#options;
    const known = registrations.get(webhookName);
    if (known === undefined) {
      this.#trusted = undefined;
      return;
    }
    if (known.trusted.every((one) => one === authorities)) {
      if (this.#trusted?.authorities !== authorities) {
        this.#trusted = { authorities, since: clock.now() };
      }
      return;
    }
    this.#trusted = undefined;
    const kind = resources.validatingWebhookConfigurations;
    const raw = (await writer.read(kind, { name: webhookName })) as Raw;
    const written = await writer.replace(kind, withTrust(raw, authorities) as Raw);
    log.info({ registration: webhookName }, "authorities of the webhook registered");
    registrations.upsertLocal(decodeWebhookRegistration(written));
  }
}
