import { X509Certificate } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { CertificateKeeper } from "../../../src/controller/admission/certificate-keeper.ts";
import { authorityOf } from "../../../src/controller/admission/certificate-plan.ts";
import { ApiError } from "../../../src/kube/api-error.ts";
import {
  decodeWebhookRegistration,
  type WebhookRegistration,
} from "../../../src/kube/decode/webhook-registration.ts";
import {
  decodeWebhookSecret,
  type WebhookSecret,
  type WebhookSecretObject,
} from "../../../src/kube/decode/webhook-secret.ts";
import { Store } from "../../../src/kube/store.ts";
import type { ApiClient, ApiRequest } from "../../../src/kube/transport.ts";
import { Writer } from "../../../src/kube/write.ts";
import type { Log } from "../../../src/runtime/log.ts";
import { HandClock } from "../../kube/hand-clock.ts";

interface Raw {
  readonly metadata: { readonly name: string; resourceVersion: string };
  readonly [field: string]: unknown;
}

/** The two objects as an API server has them; a write of an old version is refused. */
class TwoObjects {
  version = 10;
  readonly objects = new Map<string, Raw>();
  /** What was asked, such as `PUT secrets`. */
  readonly asked: string[] = [];

  put(kind: string, rest: object): void {
    this.version += 1;
    const metadata = {
      name: "steelyard-webhook",
      uid: kind,
      resourceVersion: `${this.version}`,
      ...(kind === "secrets" ? { namespace: "steelyard-system" } : {}),
    };
    this.objects.set(kind, { ...rest, metadata });
  }

  readonly request = (request: ApiRequest): Promise<unknown> => {
    const kind = request.path.split("/").at(-2) ?? "";
    this.asked.push(`${request.method} ${kind}`);
    const object = this.objects.get(kind);
    if (request.method === "PUT") {
      const body = request.body as Raw;
      if (body.metadata.resourceVersion !== object?.metadata.resourceVersion) {
        return Promise.reject(new ApiError({ status: 409, reason: "Conflict", message: "old" }));
      }
      this.put(kind, body);
    }
    return Promise.resolve(this.objects.get(kind));
  };
}

let api: TwoObjects;
let clock: HandClock;
let secrets: Store<WebhookSecretObject>;
let registrations: Store<WebhookRegistration>;
let said: string[];

beforeEach(() => {
  api = new TwoObjects();
  api.put("secrets", {});
  api.put("validatingwebhookconfigurations", {
    webhooks: [{ name: "a" }, { name: "b", rules: [1] }],
  });
  clock = new HandClock();
  secrets = new Store();
  registrations = new Store();
  said = [];
  see();
});

/** What watches would tell. */
function see(): void {
  secrets.upsert(decodeWebhookSecret(api.objects.get("secrets")));
  registrations.upsert(
    decodeWebhookRegistration(api.objects.get("validatingwebhookconfigurations")),
  );
}

function secret(): WebhookSecret {
  return decodeWebhookSecret(api.objects.get("secrets")).secret;
}

function trusted(): readonly string[] {
  return decodeWebhookRegistration(api.objects.get("validatingwebhookconfigurations")).trusted;
}

function keeper(): CertificateKeeper {
  const say = (fields: object, message: string): void => {
    said.push(JSON.stringify([fields, message]));
  };
  const log: Log = { debug: say, info: say, warn: say, error: say, child: () => log };
  const transport: ApiClient = {
    request: api.request,
    stream: () => Promise.reject(new Error("nothing is watched here")),
  };
  const writer = new Writer(transport, () => true);
  const namespace = "steelyard-system";
  return new CertificateKeeper({ secrets, registrations, writer, namespace, clock, log });
}

/** Runs a keeper until `done`, letting time pass. */
async function keepUntil(done: () => boolean): Promise<void> {
  const ended = new AbortController();
  const running = keeper().run(ended.signal);
  for (let i = 0; i < 500 && !done(); i += 1) {
    // Keys are made on threads of their own.
    await new Promise((resolve) => setTimeout(resolve, 2));
    await clock.advance(1_000);
    see();
  }
  ended.abort();
  await running;
  expect(done()).toBe(true);
}

const day = 86_400_000;
const isRegistered = (): boolean =>
  secret().authorities !== "" && trusted().every((one) => one === secret().authorities);

describe("the keeper of the certificate", () => {
  test("fills the empty Secret, and registers its authority with every webhook", async () => {
    await keepUntil(isRegistered);
    const { serving, next, authorities } = secret();
    const certificate = new X509Certificate(serving?.cert ?? "");
    expect(certificate.subjectAltName).toBe("DNS:steelyard-webhook.steelyard-system.svc");
    expect(certificate.verify(new X509Certificate(authorities).publicKey)).toBe(true);
    expect(certificate.validFromDate <= clock.wallTime()).toBe(true);
    expect(next).toBeUndefined();
    expect(api.objects.get("validatingwebhookconfigurations")?.["webhooks"]).toMatchObject([
      { name: "a" },
      { name: "b", rules: [1] },
    ]);
  });

  test("writes nothing when all is well, and registers again what somebody took away", async () => {
    await keepUntil(isRegistered);
    const before = secret();
    api.asked.length = 0;
    const later = clock.now() + 30_000;
    await keepUntil(() => clock.now() > later);
    expect(api.asked).toEqual([]);
    api.put("validatingwebhookconfigurations", { webhooks: [{ name: "a" }] });
    see();
    await keepUntil(isRegistered);
    expect(secret()).toEqual(before);
  });

  test("renews in two steps: the next is trusted beside the old one before it is served", async () => {
    await keepUntil(isRegistered);
    const old = secret();
    await clock.advance(250 * day);
    await keepUntil(() => secret().next !== undefined);
    const prepared = secret();
    expect(prepared.serving).toEqual(old.serving);
    expect(prepared.authorities).toContain(old.authorities.trim());
    await keepUntil(() => isRegistered() && secret().next === undefined);
    const renewed = secret();
    expect(renewed).toMatchObject({ serving: prepared.next, authorities: prepared.authorities });
    const pair = old.serving;
    const stillTrusted = pair && authorityOf(pair, renewed.authorities, clock.wallTime());
    expect(stillTrusted).toBeDefined();
  });

  test("trusts no more than two authorities after many renewals", async () => {
    for (let renewal = 0; renewal < 3; renewal += 1) {
      await keepUntil(isRegistered);
      await clock.advance(250 * day);
      await keepUntil(() => secret().next !== undefined);
      await keepUntil(() => isRegistered() && secret().next === undefined);
    }
    expect(secret().authorities.match(/BEGIN/g)).toHaveLength(2);
  });

  test("takes what another leader wrote meanwhile, and makes no second one", async () => {
    await keepUntil(isRegistered);
    const theirs = api.objects.get("secrets");
    secrets = new Store();
    secrets.upsert(
      decodeWebhookSecret({
        metadata: {
          name: "steelyard-webhook",
          namespace: "steelyard-system",
          uid: "secrets",
          resourceVersion: "1",
        },
      }),
    );
    api.asked.length = 0;
    const later = clock.now() + 5_000;
    await keepUntil(() => api.asked.includes("GET secrets") && clock.now() > later);
    expect(api.objects.get("secrets")).toBe(theirs);
    expect(api.asked).toEqual(["GET secrets"]);
    expect(isRegistered()).toBe(true);
  });

  test("says no secret in its log", async () => {
    await keepUntil(isRegistered);
    await clock.advance(250 * day);
    await keepUntil(() => secret().next !== undefined);
    expect(said.length).toBeGreaterThan(0);
    expect(said.join("\n")).not.toMatch(/BEGIN|PRIVATE|[A-Za-z0-9+/]{40}/);
  });
});
