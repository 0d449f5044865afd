import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildNative } from "../../build/native.ts";
import { buildRawSocket } from "../../build/raw-socket.ts";
import type { Finding } from "../../src/speaker/node-needs.ts";
import { ip, Lan, peerAddress } from "./lan.ts";

const command = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
let lan: Lan;

beforeAll(async () => {
  const outDir = fileURLToPath(new URL("../../dist", import.meta.url));
  await Promise.all([buildNative({ outDir }), buildRawSocket()]);
  lan = await Lan.create();
  await ip("link", "set", "lo", "up");
  await ip("addr", "add", "192.0.2.241/24", "dev", lan.nodeInterface);
  await ip("route", "add", "default", "via", peerAddress);
  await set("net.ipv4.ip_forward", 1);
});

afterAll(async () => {
  await lan?.remove();
});

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
}

function execute(program: string, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program, args, (_, stdout) => resolve({ code: child.exitCode, stdout }));
  });
}

async function set(knob: string, value: number): Promise<void> {
  expect((await execute("sysctl", "-qw", `${knob}=${value}`)).code).toBe(0);
}

/** Runs `steelyard speaker --check` here, behind `prefix`. */
async function check(
  ...prefix: readonly string[]
): Promise<{ code: number | null; findings: Map<string, Finding> }> {
  const argv = [...prefix, process.execPath, command, "speaker", "--check", "--output", "json"];
  const [program = "", ...args] = argv;
  const { code, stdout } = await execute(program, ...args);
  const findings: readonly Finding[] = JSON.parse(stdout);
  return { code, findings: new Map(findings.map((one) => [one.need, one])) };
}

describe("steelyard speaker --check", () => {
  test("finds a node that can announce fit, with its interface and its gateway", async () => {
    const { code, findings } = await check();
    expect([...findings.values()].filter(({ state }) => state === "fail")).toEqual([]);
    expect(code).toBe(0);
    expect(findings.get("interfaces")?.found).toBe(`${lan.nodeInterface} 192.0.2.241/24`);
    expect(findings.get("default gateway")?.found).toContain(peerAddress);
    expect(findings.get("raw-socket")?.found).toMatch(/^the gateway answered in /);
    expect(findings.get("API server")?.state).toBe("warn");
  });

  test("prints one line for each need", async () => {
    const { stdout } = await execute(process.execPath, command, "speaker", "--check");
    const lines = stdout.trim().split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(11);
    expect(lines.filter((line) => !/^(ok {2}|warn|fail) {2}\S/.test(line))).toEqual([]);
  });

  test("fails without NET_RAW, and says how to get it", async () => {
    const { code, findings } = await check("setpriv", "--bounding-set", "-net_raw", "--");
    expect(code).toBe(1);
    expect(findings.get("NET_RAW")).toMatchObject({ state: "fail" });
    expect(findings.get("NET_RAW")?.remedy).toContain("NET_RAW");
    expect(findings.get("packet socket")).toMatchObject({ state: "fail" });
    expect(findings.get("packet socket")?.found).toContain("EPERM");
    expect(findings.get("raw-socket")?.state).toBe("warn");
  });

  test("fails where the kernel is told to answer no ARP", async () => {
    const knob = `net.ipv4.conf.${lan.nodeInterface}.arp_ignore`;
    await set(knob, 8);
    const { code, findings } = await check();
    await set(knob, 0);
    expect(code).toBe(1);
    expect(findings.get("arp_ignore")).toMatchObject({ state: "fail" });
  });

  test("fails in IPVS mode without strictARP, and not with it", async () => {
    // This kernel has no dummy interfaces; any interface of that name stands for kube-proxy's.
    await ip("link", "add", "kube-ipvs0", "type", "veth", "peer", "name", "kube-peer0");
    expect((await check()).findings.get("strictARP")).toMatchObject({ state: "fail" });
    await set("net.ipv4.conf.all.arp_ignore", 1);
    await set("net.ipv4.conf.all.arp_announce", 2);
    expect((await check()).findings.get("strictARP")).toMatchObject({ state: "ok" });
    await set("net.ipv4.conf.all.arp_ignore", 0);
    await set("net.ipv4.conf.all.arp_announce", 0);
    await ip("link", "del", "kube-ipvs0");
  });

  test("warns of a strict reverse path filter on a node of two interfaces", async () => {
    const second = await Lan.create();
    await set(`net.ipv4.conf.${second.nodeInterface}.rp_filter`, 1);
    const { code, findings } = await check();
    expect(code).toBe(0);
    expect(findings.get("rp_filter")?.found).toMatch(
      new RegExp(`^${second.nodeInterface}: strict`),
    );
    await second.inPeer("ip", "link", "set", "eth0", "down");
    const { findings: unplugged } = await check();
    expect(unplugged.get(`interface ${second.nodeInterface}`)?.state).toBe("warn");
    await second.remove();
  });

  test("fails where traffic is not forwarded or the API server is not there", async () => {
    await set("net.ipv4.ip_forward", 0);
    const nowhere = ["KUBERNETES_SERVICE_HOST=192.0.2.99", "KUBERNETES_SERVICE_PORT=1"];
    const { code, findings } = await check("env", ...nowhere);
    await set("net.ipv4.ip_forward", 1);
    expect(code).toBe(1);
    expect(findings.get("forwarding")?.state).toBe("fail");
    expect(findings.get("API server")?.state).toBe("fail");
  });
});
