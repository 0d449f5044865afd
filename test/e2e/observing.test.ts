import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CertificateAuthority } from "../../sandbox/certificates.ts";
import { run } from "../../sandbox/command.ts";
import { apply } from "../../sandbox/installation.ts";
import type { Finding } from "../../src/speaker/node-needs.ts";
import { Exposition } from "../runtime/exposition.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";
import { OutsideProcess } from "./outside-process.ts";
import { writeTokenKubeconfig } from "./token-kubeconfig.ts";

const system = "steelyard-system";
const rights = fileURLToPath(new URL("../../deploy/monitoring/https-rbac.yaml", import.meta.url));

let cluster: InstalledCluster;
let directory: string;
const running: OutsideProcess[] = [];
const secrets: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "steelyard-observing-"));
  cluster = await startInstalled({ nodes: 1 });
  await cluster.api.createPool("production", ["192.0.2.0/26"]);
});

afterAll(async () => {
  await Promise.all(running.map((one) => one.end()));
  await cluster?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function tokenOf(account: string, namespace: string): Promise<string> {
  const token = await kubectl(cluster.sandbox, ["create", "token", account, "-n", namespace]);
  secrets.push(token.trim());
  return token.trim();
}

/** Starts `steelyard` on node-1 as a service account, saying all that it can in its log. */
async function start(component: "controller" | "speaker", args: readonly string[]): Promise<void> {
  const account = `steelyard-${component}`;
  const token = await tokenOf(account, system);
  const kubeconfig = await writeTokenKubeconfig(cluster.sandbox, directory, account, token);
  const common = ["--kubeconfig", kubeconfig, "--namespace", system, "--pod-name", "outside"];
  const all = [component, ...common, "--log-level", "all", ...args];
  running.push(new OutsideProcess("node-1", all));
}

async function onNode(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = (await cluster.sandbox.nodes[0]?.exec(argv)) ?? {};
  if (code !== 0) {
    throw new Error(`${argv[0]}: ${stderr}`);
  }
  return stdout ?? "";
}

/** Status and body of the speaker's `/metrics`, its certificate checked. */
async function scrape(token?: string): Promise<{ status: number; body: string }> {
  const header = token === undefined ? [] : ["-H", `Authorization: Bearer ${token}`];
  const said = await onNode(
    ...["curl", "-sS", "--cacert", join(directory, "ca.crt"), "-w", "%{http_code}", ...header],
    "https://127.0.0.1:7473/metrics",
  );
  return { status: Number(said.slice(-3)), body: said.slice(0, -3) };
}

describe("/metrics by HTTPS", () => {
  let reader: string;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    const { cert, key } = await authority.issueApiServer();
    writeFileSync(join(directory, "ca.crt"), authority.certificate);
    writeFileSync(join(directory, "tls.crt"), cert);
    writeFileSync(join(directory, "tls.key"), key);
    secrets.push(key.split("\n")[1] ?? "");
    for (const account of ["prometheus", "stranger"]) {
      await kubectl(cluster.sandbox, ["create", "serviceaccount", account]);
    }
    reader = await tokenOf("prometheus", "default");
    await start("speaker", [
      ...["--node-name", "elsewhere", "--port", "7473", "--metrics-cert-dir", directory],
    ]);
    await eventually("the port is open", async () => (await scrape()).status === 401);
  });

  test("lets nobody in without the rights to find out who he is, and says so", async () => {
    expect((await scrape(reader)).status).toBe(503);
    expect(running[0]?.output).toContain("cannot find out who asks for /metrics");
  });

  test("lets in whom RBAC lets, and nobody else", async () => {
    await apply(cluster.sandbox, rights);
    await kubectl(cluster.sandbox, [
      ...["create", "clusterrolebinding", "prometheus"],
      ...["--clusterrole=steelyard-metrics-reader", "--serviceaccount=default:prometheus"],
    ]);
    await eventually("the reader is let in", async () => (await scrape(reader)).status === 200);
    const page = new Exposition((await scrape(reader)).body);
    expect(page.value("steelyard_watch_synced", { kind: "IPAllocation" })).toBe(1);
    const stranger = await tokenOf("stranger", "default");
    expect((await scrape(stranger)).status).toBe(403);
    expect((await scrape(`${reader.slice(0, -8)}AAAAAAAA`)).status).toBe(401);
    expect((await scrape()).status).toBe(401);
  });
});

describe("/readyz", () => {
  test("of a controller that stands by says who leads", async () => {
    await start("controller", ["--health-probe-port", "17480", "--port", "7474"]);
    const holder = await kubectl(cluster.sandbox, [
      ...["get", "lease", "steelyard-controller", "-n", system],
      ...["-o", "jsonpath={.spec.holderIdentity}"],
    ]);
    await eventually("the third controller stands by", async () => {
      const said = await onNode("curl", "-sS", "http://127.0.0.1:17480/readyz");
      return said === `ok\nstandby: ${holder} leads\n`;
    });
  });
});

describe("steelyard speaker --check in a speaker's Pod", () => {
  test("finds every need met, by the image's own files, as docs/observability.md says it", async () => {
    const command = /exec ds\/steelyard-speaker -- (.*)/.exec(
      readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8"),
    )?.[1];
    const { pid } = (await speaker()) ?? {};
    const env = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
    const inPod = ["nsenter", "-t", `${pid}`, "-m", "-n", "-p", "-r", "--"];
    const argv = [...inPod, ...(command ?? "").split(" "), "--output", "json"];
    const { code, stdout, stderr } = await run([
      "env",
      "-i",
      `PATH=${process.env["PATH"]}`,
      ...env,
      ...argv,
    ]);
    expect(stderr).toBe("");
    const findings: readonly Finding[] = JSON.parse(stdout);
    expect(findings.filter(({ state }) => state !== "ok")).toEqual([]);
    expect(code).toBe(0);
    const found = Object.fromEntries(findings.map((one) => [one.need, one.found]));
    expect(found["API server"]).toBe(`Kubernetes v${cluster.sandbox.version}`);
    expect(found["raw-socket"]).toMatch(/^the gateway answered/);
    expect(found["interfaces"]).toContain("eth0 192.0.2.241/24");
  });
});

describe("the port of /metrics", () => {
  test("goes to the new speaker of a node when the old one has gone", async () => {
    const startedAt = async (): Promise<number | undefined> => {
      const page = await onNode("curl", "-sS", "http://127.0.0.1:7472/metrics");
      return new Exposition(page).value("process_start_time_seconds");
    };
    const before = (await startedAt()) ?? Number.NaN;
    const daemonSet = "daemonset/steelyard-speaker";
    await kubectl(cluster.sandbox, ["rollout", "restart", daemonSet, "-n", system]);
    await eventually("another process serves the port", async () => {
      const now = await startedAt();
      return now !== undefined && now > before;
    });
    await kubectl(cluster.sandbox, ["rollout", "status", daemonSet, "-n", system, "--timeout=60s"]);
    const waited = podLines().filter(({ msg }) =>
      String(msg).startsWith("cannot serve /metrics yet"),
    );
    expect(waited).toHaveLength(1);
  });
});

describe("logs", () => {
  test("name Service and reason where a decision is told, and the Service wherever one is meant", async () => {
    await cluster.api.createService({ name: "granted" });
    await decided(cluster.api, "True", "granted");
    const spec = { loadBalancerIP: "198.51.100.99" };
    await cluster.api.createService({ name: "refused", spec });
    await decided(cluster.api, "False", "refused");
    const told = (service: string, reason: string): Promise<unknown> =>
      eventually(`${service} ${reason} is in a log`, async () =>
        podLines().some((line) => line["service"] === service && line["reason"] === reason),
      );
    await told("default/granted", "Assigned");
    await told("default/refused", "AddressNotInPool");
    await eventually("the speaker names the Service of an address", async () =>
      podLines().some(
        (line) => line["msg"] === "announcing" && line["service"] === "default/granted",
      ),
    );
    const meant = podLines().filter((line) => JSON.stringify(line).includes("default/"));
    expect(meant.length).toBeGreaterThanOrEqual(3);
    expect(meant.filter(({ service }) => typeof service !== "string")).toEqual([]);
  });

  test("are one JSON object a line, with time, level and message", () => {
    const lines = podLines();
    expect(lines.length).toBeGreaterThan(10);
    for (const { ts, level, msg } of lines) {
      expect(Number.isNaN(Date.parse(String(ts)))).toBe(false);
      expect(["debug", "info", "warn", "error"]).toContain(level);
      expect(String(msg)).not.toBe("");
    }
  });

  test("hold no token and no key, whatever the level", () => {
    expect(secrets.length).toBeGreaterThanOrEqual(5);
    const said = running.map(({ output }) => output).join("\n");
    expect(said).toContain('"level":"debug"');
    for (const secret of [...secrets, "PRIVATE KEY", "Bearer", "eyJhbGciOi", "client-key-data"]) {
      expect(said.includes(secret)).toBe(false);
      expect(podLogs().includes(secret)).toBe(false);
    }
  });
});

/** The process of the speaker on node-1. */
async function speaker(): Promise<{ readonly pid: number } | undefined> {
  const name = await kubectl(cluster.sandbox, [
    ...["get", "pods", "-n", system, "-l", "app.kubernetes.io/component=speaker"],
    ...["-o", "jsonpath={.items[0].metadata.name}"],
  ]);
  return cluster.sandbox.nodes[0]?.podProcess(system, name);
}

/** What the Pods of Steelyard have logged. */
function podLogs(): string {
  const folder = join(dirname(cluster.sandbox.logs), "nodes", "node-1", "logs");
  const files = readdirSync(folder).filter((name) => name.startsWith(`${system}_`));
  return files.map((name) => readFileSync(join(folder, name), "utf8")).join("");
}

function podLines(): readonly Record<string, unknown>[] {
  return podLogs()
    .split("\n")
    .slice(0, -1)
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
