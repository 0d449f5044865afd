import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Lease } from "../../../src/kube/lease.ts";
import { LeaseElection } from "../../../src/kube/lease-election.ts";
import { LeaseRenewer } from "../../../src/kube/lease-renewer.ts";
import { resourcePath } from "../../../src/kube/resource.ts";
import { leases as leaseResource } from "../../../src/kube/resources.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { type Cluster, startCluster, transportTo } from "./cluster.ts";
import { Relay } from "./relay.ts";

const namespace = "default";
const sixDigits = /\.\d{6}Z$/;

let cluster: Cluster;
let leaseName: string;
let leases = 0;
let cleanUp: (() => Promise<unknown> | unknown)[];

beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
});

beforeEach(() => {
  leases += 1;
  leaseName = `lease-${leases}`;
  cleanUp = [];
});

afterEach(async () => {
  for (const step of cleanUp.reverse()) {
    await step();
  }
});

/** Contends in this process; `log` gets who leads when. */
class Candidate {
  readonly relay: Relay;
  readonly election: LeaseElection;
  readonly #identity: string;
  readonly #log: string[];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(identity: string, relay: Relay, log: string[]) {
    const transport: Transport = transportTo({ ...cluster.access, url: relay.url });
    this.relay = relay;
    this.#identity = identity;
    this.#log = log;
    this.election = new LeaseElection({
      transport,
      namespace,
      name: leaseName,
      identity,
      clock: systemClock,
      log: silentLog,
      leaseDurationMs: 2_000,
      renewDeadlineMs: 1_200,
      retryPeriodMs: 200,
      releaseOnShutdown: true,
    });
    this.#done = this.#run();
    cleanUp.push(async () => {
      await this.end();
      await transport.close();
      relay.close();
    });
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  #run(): Promise<void> {
    return this.election.run(async ({ signal, transitions }) => {
      this.#log.push(`${this.#identity} elected, ${transitions} transitions`);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      this.#log.push(`${this.#identity} ended`);
    }, this.#stop.signal);
  }
}

async function contend(identity: string, log: string[]): Promise<Candidate> {
  return new Candidate(identity, await Relay.open(cluster.access.url), log);
}

async function readLease(): Promise<Lease> {
  const path = resourcePath(leaseResource, { namespace, name: leaseName });
  return (await cluster.admin.request({ method: "GET", path })) as Lease;
}

async function eventually(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 20_000, interval: 10 });
}

describe("a Lease election, against the real API server", { timeout: 60_000 }, () => {
  it("has one leader, who renews, and another one after it gave the Lease back", async () => {
    const log: string[] = [];
    const first = await contend("first", log);
    await eventually(() => expect(first.election.leading).toBe(true));
    const second = await contend("second", log);
    const before = await readLease();
    expect(before.spec?.holderIdentity).toBe("first");
    expect(before.spec?.renewTime).toMatch(sixDigits);
    await eventually(async () => {
      expect((await readLease()).spec?.renewTime).not.toBe(before.spec?.renewTime);
    });
    expect(second.election.leading).toBe(false);
    await first.end();
    await eventually(() => expect(second.election.leading).toBe(true));
    expect(log).toEqual([
      "first elected, 0 transitions",
      "first ended",
      "second elected, 1 transitions",
    ]);
  });

  it("ends a leader that cannot renew before the next one begins", async () => {
    const log: string[] = [];
    const first = await contend("first", log);
    await eventually(() => expect(first.election.leading).toBe(true));
    const second = await contend("second", log);
    first.relay.cut();
    await eventually(() => expect(second.election.leading).toBe(true));
    expect(log).toEqual([
      "first elected, 0 transitions",
      "first ended",
      "second elected, 1 transitions",
    ]);
    first.relay.mend();
    await eventually(() => expect(first.election.holder).toBe("second"));
    expect(first.election.leading).toBe(false);
  });

  it("goes on leading when somebody else changes the Lease without taking it", async () => {
    const log: string[] = [];
    const first = await contend("first", log);
    await eventually(() => expect(first.election.leading).toBe(true));
    const path = resourcePath(leaseResource, { namespace, name: leaseName });
    const body = { metadata: { annotations: { note: "seen" } } };
    await cluster.admin.request({ method: "PATCH", path, body });
    const before = await readLease();
    await eventually(async () => {
      expect((await readLease()).spec?.renewTime).not.toBe(before.spec?.renewTime);
    });
    expect((await readLease()).metadata).toMatchObject(body.metadata);
    expect(log).toEqual(["first elected, 0 transitions"]);
  });

  it("keeps a process that was stopped and resumed from writing after another was elected", async () => {
    const lines: string[] = [];
    const process = startProcess(lines);
    await eventually(() => expect(lines).toContain("holds"));
    process.kill("SIGSTOP");
    const second = await contend("second", []);
    await eventually(() => expect(second.election.leading).toBe(true));
    const before = lines.length;
    process.kill("SIGCONT");
    await eventually(() => expect(lines).toContain("lost"));
    expect(lines.slice(before)).toEqual(["lost"]);
    expect((await readLease()).spec?.holderIdentity).toBe("second");
  });
});

describe("a Lease renewer, against the real API server", { timeout: 60_000 }, () => {
  it("creates the Lease, renews it, creates it again when it is deleted, and never releases it", async () => {
    const stop = new AbortController();
    const renewer = new LeaseRenewer({
      transport: cluster.admin,
      namespace,
      name: leaseName,
      holderIdentity: "node-1",
      clock: systemClock,
      log: silentLog,
      intervalMs: 50,
    });
    const running = renewer.run(stop.signal);
    cleanUp.push(() => stop.abort());
    await eventually(() => expect(renewer.renewedAt).toBeDefined());
    const first = await readLease();
    expect(first.spec).toMatchObject({ holderIdentity: "node-1", leaseDurationSeconds: 6 });
    expect(first.spec?.renewTime).toMatch(sixDigits);
    await eventually(async () => {
      expect((await readLease()).spec?.renewTime).not.toBe(first.spec?.renewTime);
    });
    const path = resourcePath(leaseResource, { namespace, name: leaseName });
    await cluster.admin.request({ method: "DELETE", path });
    await eventually(async () => {
      expect((await readLease()).spec?.holderIdentity).toBe("node-1");
    });
    stop.abort();
    await running;
    expect((await readLease()).spec?.holderIdentity).toBe("node-1");
  });
});

/** Runs `candidate.ts`; its lines go to `lines`. */
function startProcess(lines: string[]): ChildProcess {
  const script = fileURLToPath(new URL("./candidate.ts", import.meta.url));
  const child = spawn(process.execPath, [script, cluster.sandbox.kubeconfigPath, leaseName], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    lines.push(...text.split("\n").filter((line) => line !== ""));
  });
  cleanUp.push(() => child.kill("SIGKILL"));
  return child;
}
