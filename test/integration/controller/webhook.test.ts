import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import type { V1Pod, V1Secret } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whenReady } from "../../../sandbox/installation.ts";
import { ApiError } from "../../../src/kube/api-error.ts";
import { decodeWebhookRegistration } from "../../../src/kube/decode/webhook-registration.ts";
import {
  decodeWebhookSecret,
  encodeWebhookSecret,
  type WebhookSecret,
} from "../../../src/kube/decode/webhook-secret.ts";
import { loadAccess } from "../../../src/kube/load-access.ts";
import { resourcePath } from "../../../src/kube/resource.ts";
import * as resources from "../../../src/kube/resources.ts";
import { Transport } from "../../../src/kube/transport.ts";
import { CertificateAuthority } from "../../../src/runtime/certificate-authority.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { configNamespace, pods } from "../../e2e/cluster-api.ts";
import { addressesOf } from "../../e2e/cluster-objects.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "../../e2e/installed-cluster.ts";

const system = "steelyard-system";
const name = "steelyard-webhook";

let cluster: InstalledCluster;
let admin: Transport;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  const access = await loadAccess({
    kubeconfig: cluster.sandbox.kubeconfigPath,
    clock: systemClock,
  });
  admin = new Transport({ access, log: silentLog, clock: systemClock });
  await cluster.api.createPool("production", ["192.0.2.0/28"]);
});

afterAll(async () => {
  await admin?.close();
  await cluster?.stop();
});

/** Asks for a pool that overlaps `production`, without leaving one; the words of a refusal. */
async function refusal(): Promise<string | undefined> {
  try {
    await admin.request({
      method: "POST",
      path: resourcePath(resources.ipAddressPools, { namespace: configNamespace }),
      query: { dryRun: "All" },
      body: manifest("overlapping", { addresses: ["192.0.2.8/29"] }),
    });
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) {
      return error.message;
    }
    throw error;
  }
}

function manifest(poolName: string, spec: object): object {
  return {
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: poolName, namespace: configNamespace },
    spec,
  };
}

const refusing = async (): Promise<string> =>
  await eventually("the webhook refuses", async () => await refusal());

async function apply(object: object): ReturnType<InstalledCluster["sandbox"]["kubectl"]> {
  return await cluster.sandbox.kubectl(["apply", "-f", "-"], { input: JSON.stringify(object) });
}

async function secret(): Promise<WebhookSecret> {
  const raw = await cluster.api.get<V1Secret>(resources.secrets, name, system);
  return decodeWebhookSecret(raw).secret;
}

async function trusted(): Promise<readonly string[]> {
  const raw = await cluster.api.get(resources.validatingWebhookConfigurations, name);
  return decodeWebhookRegistration(raw).trusted;
}

async function controllers(): Promise<readonly V1Pod[]> {
  const all = await cluster.api.list<V1Pod>(pods, system);
  return all.filter(
    ({ metadata }) => metadata?.labels?.["app.kubernetes.io/component"] === "controller",
  );
}

/** The certificate that a Pod serves, PEM. */
async function servedBy({ status }: V1Pod): Promise<string> {
  const host = status?.podIP ?? "";
  const servername = `${name}.${system}.svc`;
  return await new Promise((resolve, reject) => {
    const socket = connect({ host, port: 9443, servername, rejectUnauthorized: false }, () => {
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      resolve(new X509Certificate(raw).toString());
    });
    socket.once("error", reject);
  });
}

/** Calls that failed for their certificate, as the API server's log has them. */
async function failedCalls(): Promise<readonly string[]> {
  const log = await readFile(join(cluster.sandbox.logs, "kube-apiserver.log"), "utf8");
  return log
    .split("\n")
    .filter((line) => line.includes("ailed calling webhook") && /x509|tls|certificate/.test(line));
}

describe("the webhook, as kubectl shows it", () => {
  test("refuses a pool that overlaps another, with a sentence", async () => {
    await refusing();
    const { code, stderr } = await apply(manifest("overlapping", { addresses: ["192.0.2.8/29"] }));
    expect(code).toBe(1);
    expect(stderr).toContain(
      'admission webhook "configuration.steelyard.dev" denied the request: ',
    );
    expect(stderr).toContain(
      "spec.addresses[0]: 192.0.2.8-192.0.2.15 is in IPAddressPool production as well, and an " +
        "address belongs to one pool only: take it out of one of them first",
    );
  });

  test.each([
    ["198.51.100.9-198.51.100.1", "ends before it starts"],
    ["198.51.100.1-2001:db8::1", "mixes IPv4 and IPv6"],
    ["198.51.100.010/32", "write 198.51.100.10/32"],
  ])("refuses %s: it %s", async (entry, words) => {
    const { code, stderr } = await apply(manifest("bad", { addresses: [entry] }));
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
  });

  test("warns of a Service whose wish cannot be met, lets it in, and says no word about others", async () => {
    await cluster.api.createService({ name: "first", spec: { loadBalancerIP: "192.0.2.7" } });
    await decided(cluster.api, "True", "first");
    const { code, stderr } = await apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "second", namespace: "kube-public" },
      spec: { type: "LoadBalancer", loadBalancerIP: "192.0.2.7", ports: [{ port: 80 }] },
    });
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(
        "Warning: spec.loadBalancerIP: the Service gets no address for now (AddressInUse): " +
          "192.0.2.7 is in use by another Service",
      ),
    ]);
    await cluster.api.removeService("second", "kube-public");
  });

  test("says nothing about a Service of another type", async () => {
    const { code, stderr } = await apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "inside", namespace: "default" },
      spec: { type: "ClusterIP", loadBalancerIP: "192.0.2.7", ports: [{ port: 80 }] },
    });
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("warns of a pool that is shrunk below what Services hold, and of its deletion", async () => {
    const { code, stderr } = await apply(manifest("production", { addresses: ["192.0.2.8/29"] }));
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("Warning: 192.0.2.7, which Services hold, would be in no pool"),
    ]);
    await apply(manifest("production", { addresses: ["192.0.2.0/28"] }));
    const path = ["-n", configNamespace, "ipaddresspool", "production", "--dry-run=server"];
    const deleted = await cluster.sandbox.kubectl(["delete", ...path]);
    expect(deleted.stderr).toContain("Warning: this is the last IPAddressPool");
  });
});

describe("every replica", () => {
  test("serves the certificate of the Secret, by TLS 1.2 or newer", async () => {
    const { serving } = await secret();
    for (const pod of await controllers()) {
      const served = await eventually("a certificate", async () => await servedBy(pod));
      expect(served.trim()).toBe(serving?.cert.trim());
    }
  });

  test("answers by itself: refusals go on while one of them is gone", async () => {
    const [first] = await controllers();
    const gone = first?.metadata?.name ?? "";
    await kubectl(cluster.sandbox, ["-n", system, "delete", "pod", gone, "--wait=true"]);
    await refusing();
    await whenReady(cluster.sandbox);
  });
});

describe("a new certificate", () => {
  const day = 86_400_000;

  /** Puts a certificate there that is to be renewed by now. */
  async function age(): Promise<WebhookSecret> {
    const validity = {
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 9 * day),
    };
    const authority = await CertificateAuthority.create("old", validity);
    const serving = await authority.issue({
      subject: [{ CN: ["old"] }],
      usage: "server",
      names: [`${name}.${system}.svc`],
      ...validity,
    });
    const old = { serving, next: undefined, authorities: authority.certificate };
    await cluster.api.patch(resources.secrets, name, { data: encodeWebhookSecret(old) }, system);
    return old;
  }

  test("is trusted, then served by every replica, and no question fails meanwhile", async () => {
    const before = await controllers();
    const old = await age();
    await eventually("the old one trusted and served", async () => {
      const served = await Promise.all((await controllers()).map(servedBy));
      const isServed = served.every((cert) => cert.trim() === old.serving?.cert.trim());
      return isServed && (await trusted()).every((one) => one.includes(old.authorities.trim()));
    });
    await refusing();
    const failuresBefore = await failedCalls();
    let asked = 0;
    const end = new AbortController();
    const traffic = (async () => {
      while (!end.signal.aborted) {
        await refusal().catch(() => "a machine that is too busy is no matter here");
        asked += 1;
        await systemClock.sleep(20, end.signal);
      }
    })();
    const renewed = await eventually("another one served", async () => {
      const now = await secret();
      return now.next === undefined && now.serving?.cert !== old.serving?.cert && now;
    });
    await eventually("by every replica", async () => {
      const served = await Promise.all((await controllers()).map(servedBy));
      return served.every((cert) => cert.trim() === renewed.serving?.cert.trim());
    });
    await systemClock.sleep(3_000);
    end.abort();
    await traffic;
    expect(asked).toBeGreaterThan(100);
    expect((await failedCalls()).slice(failuresBefore.length)).toEqual([]);
    await refusing();
    expect(renewed.authorities).toContain(old.authorities.trim());
    const after = await controllers();
    const lives = (all: readonly V1Pod[]): unknown =>
      all.map(({ metadata, status }) => [
        metadata?.uid,
        status?.containerStatuses?.[0]?.restartCount,
      ]);
    expect(lives(after)).toEqual(lives(before));
  });

  test("is made when somebody empties the Secret, and registered when somebody takes that back", async () => {
    await cluster.api.patch(resources.secrets, name, { data: null }, system);
    const made = await eventually("another certificate", async () => {
      const now = await secret();
      return now.serving !== undefined && now;
    });
    await eventually("trusted", async () =>
      (await trusted()).every((one) => one === made.authorities),
    );
    await kubectl(cluster.sandbox, [
      ...["patch", "validatingwebhookconfiguration", name, "--type=json", "-p"],
      '[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]',
    ]);
    await eventually("trusted again", async () =>
      (await trusted()).every((one) => one === made.authorities),
    );
    await refusing();
  });
});

describe("while no controller is there", () => {
  test("everything is let in, and told by a condition when one is back", async () => {
    const scale = async (replicas: number): Promise<void> => {
      const flags = ["scale", "deployment", "steelyard-controller", `--replicas=${replicas}`];
      await kubectl(cluster.sandbox, ["-n", system, ...flags]);
    };
    await scale(0);
    await eventually("all gone", async () => (await controllers()).length === 0);
    const pool = await apply(manifest("overlapping", { addresses: ["192.0.2.8/29"] }));
    expect([pool.code, pool.stderr]).toEqual([0, ""]);
    await cluster.api.createService({ name: "meanwhile" });
    await scale(2);
    await whenReady(cluster.sandbox);
    expect(addressesOf(await decided(cluster.api, "True", "meanwhile"))).toHaveLength(1);
    await refusing();
    // It was let in, so it may be corrected step by step.
    const eased = await apply(
      manifest("overlapping", { addresses: ["192.0.2.8/29"], autoAssign: false }),
    );
    expect([eased.code, eased.stderr]).toEqual([
      0,
      expect.stringContaining("Warning: spec.addresses[0]"),
    ]);
  });
});
