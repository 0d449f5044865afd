import { X509Certificate } from "node:crypto";
import {
  type AdmissionRequest,
  type AdmissionVerdict,
  oneLine,
} from "../../kube/admission-review.ts";
import { textField } from "../../kube/decode/fields.ts";
import {
  decodeWebhookRegistration,
  type WebhookRegistration,
} from "../../kube/decode/webhook-registration.ts";
import {
  type CertificatePair,
  decodeWebhookSecret,
  type WebhookSecretObject,
} from "../../kube/decode/webhook-secret.ts";
import type { Leadership } from "../../kube/lease-election.ts";
import { Reflector } from "../../kube/reflector.ts";
import { objectKey } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import { Store } from "../../kube/store.ts";
import type { ApiClient } from "../../kube/transport.ts";
import { Writer } from "../../kube/write.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Counter, Metrics } from "../../runtime/metrics.ts";
import type { ClusterStores } from "../cluster-stores.ts";
import { controllerMetrics } from "../metrics.ts";
import { type AdmissionSettings, judge, verdictOf } from "./admission-judge.ts";
import { AdmissionKnowledge, type DerivedState } from "./admission-knowledge.ts";
import { CertificateKeeper, webhookName } from "./certificate-keeper.ts";
import { WebhookServer } from "./webhook-server.ts";

export interface AdmissionWebhookOptions extends AdmissionSettings {
  /** For watching the Secret and the registration. */
  readonly transport: ApiClient;
  readonly stores: ClusterStores;
  /** Where the Secret and the Service are. */
  readonly namespace: string;
  /** 0: there is no webhook. */
  readonly webhookPort: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of each text that is logged: it is for finding the object, whoever wrote it has been told all. */
const loggedMax = 300;

const letThrough: AdmissionVerdict = { allowed: true, message: undefined, warnings: [] };

/**
 * The validating webhook of this replica. Every replica answers; the leader keeps the certificate.
 * Nothing else waits for it, and nobody is kept from anything while it is not ready.
 */
export class AdmissionWebhook {
  readonly #options: AdmissionWebhookOptions;
  readonly #knowledge: AdmissionKnowledge;
  readonly #secrets = new Store<WebhookSecretObject>();
  readonly #registrations = new Store<WebhookRegistration>();
  #answers: Counter | undefined;

  constructor(options: AdmissionWebhookOptions) {
    this.#options = options;
    const { stores, configNamespace, clock } = options;
    this.#knowledge = new AdmissionKnowledge(stores, configNamespace, clock);
  }

  /** Adds what there is to tell. */
  describe(metrics: Metrics): void {
    const known = (["allowed", "warned", "refused"] as const).map((verdict) => [verdict]);
    this.#answers = metrics.counter(controllerMetrics.admissionRequests, known);
    metrics.read(controllerMetrics.webhookCertificateEnd, () => {
      const cert = this.#certificate()?.cert;
      return cert === undefined ? 0 : endOf(cert);
    });
  }

  /** To be called when all stores have synced: until then everything is let through. */
  knowCluster(): void {
    if (this.#options.webhookPort !== 0) {
      this.#knowledge.start();
    }
  }

  /** Serves until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { transport, namespace, webhookPort, clock, log } = this.#options;
    if (webhookPort === 0) {
      return;
    }
    const secrets = this.#secrets;
    const only = {
      fieldSelector: `metadata.name=${webhookName}`,
      ...{ transport, clock, log },
    };
    const server = new WebhookServer({
      port: webhookPort,
      certificate: () => this.#certificate(),
      onCertificate: (listener) => secrets.onChange(listener),
      judge: (request) => this.#judge(request),
      clock,
      log,
    });
    const watches = [
      new Reflector({
        resource: resources.secrets,
        namespace,
        project: decodeWebhookSecret,
        store: secrets,
        ...only,
      }),
      new Reflector({
        resource: resources.validatingWebhookConfigurations,
        project: decodeWebhookRegistration,
        store: this.#registrations,
        ...only,
      }),
    ];
    await Promise.all([server.run(signal), ...watches.map((watch) => watch.run(signal))]);
  }

  /** Goes by what the leader in this process knows, which has begun, and keeps the certificate until `signal` aborts. */
  follow(
    derived: DerivedState,
    writes: ApiClient,
    leadership: Pick<Leadership, "holds">,
    signal: AbortSignal,
  ): void {
    if (this.#options.webhookPort === 0) {
      return;
    }
    this.#knowledge.useLeaders(derived);
    const writer = new Writer(writes, () => leadership.holds());
    const [secrets, registrations] = [this.#secrets, this.#registrations];
    const keeper = new CertificateKeeper({ ...this.#options, secrets, registrations, writer });
    // Not waited for: a question of it that hangs must not hold up who ends to start afresh.
    void keeper.run(signal);
  }

  #certificate(): CertificatePair | undefined {
    return this.#secrets.get(objectKey(this.#options.namespace, webhookName))?.secret.serving;
  }

  #judge(request: AdmissionRequest): AdmissionVerdict {
    const cluster = this.#knowledge.cluster;
    const verdict =
      cluster === undefined ? letThrough : verdictOf(judge(request, cluster, this.#options));
    const { allowed, message, warnings } = verdict;
    this.#answers?.add(allowed ? (warnings.length > 0 ? "warned" : "allowed") : "refused");
    if (!allowed) {
      const { operation, resource, object, oldObject } = request;
      const of = (name: string) => textField(object ?? oldObject, "metadata", name);
      // Whoever reaches the port may have written them, and as long as he likes.
      const name = oneLine(objectKey(of("namespace"), of("name") ?? ""), loggedMax);
      const why = oneLine(message ?? "", loggedMax);
      this.#options.log.info({ operation, resource, name, why }, "admission refused");
    }
    return verdict;
  }
}

/** When a certificate ends, in Unix time; 0 for a text that is none. */
function endOf(cert: string): number {
  try {
    return new X509Certificate(cert).validToDate.getTime() / 1_000;
  } catch {
    return 0;
  }
}
