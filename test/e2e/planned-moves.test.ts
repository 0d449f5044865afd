import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../sandbox/installation.ts";
import type { SandboxNode } from "../../sandbox/node.ts";
import { allocationName } from "../../src/core/model/ip-allocation.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import * as resources from "../../src/kube/resources.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { claimsOf } from "./claims.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";
import { leadersNode } from "./controller-leader.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";
import { type StreamLoss, UdpStream, udpEcho } from "./udp-stream.ts";

const perSecond = 5_000;
const port = 9_000;
const drain = "steelyard.dev/drain";
const exclude = "node.kubernetes.io/exclude-from-external-load-balancers";
/** The next round of gratuitous frames would be a second cause to fall silent. */
const overlapMaxMs = 1_000;

let folder: string;
let cluster: InstalledCluster;
const addresses = new Map<4 | 6, string>();

// Pods are on one node alone, which announces nothing: what is lost with an announcer is the announcement.
beforeAll(async () => {
  // Not below /run: a Pod has one of its own there.
  folder = await mkdtemp(join(tmpdir(), "steelyard-moves-"));
  cluster = await startInstalled({
    nodes: 3,
    images: new Map([["udp-echo", await udpEcho(8_080, folder)]]),
  });
  const { sandbox, api } = cluster;
  await api.createPool("production", [
    "192.0.2.10-192.0.2.29",
    "2001:db8:0:2::10-2001:db8:0:2::29",
  ]);
  await api.patch(resources.nodes, "node-3", {
    metadata: { labels: { "example.com/role": "echo", [exclude]: "" } },
  });
  await apply(sandbox, fileURLToPath(new URL("udp-echo.yaml", import.meta.url)));
  await kubectl(sandbox, ["rollout", "status", "daemonset/udp-echo", "--timeout=60s"]);
  for (const family of [4, 6] as const) {
    const name = `udp-${family}`;
    const spec = {
      selector: { app: "udp-echo" },
      ports: [{ protocol: "UDP", port, targetPort: 8_080 as never }],
      ipFamilyPolicy: "SingleStack",
      ipFamilies: [`IPv${family}`],
    };
    await api.createService({ name, spec });
    addresses.set(family, addressesOf(await decided(api, "True", name))[0] ?? "");
    await announced(family);
    // What is lost before kube-proxy has its rules is no move's loss.
    await lossDuring(family, () => systemClock.sleep(1_000));
  }
});

afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

/** The node that is to announce the address, as the objects say. */
async function ownerOf(family: 4 | 6): Promise<string | undefined> {
  const address = addresses.get(family) ?? "";
  return await cluster.api.ownerOf(allocationName(address as IpAddress));
}

/** The node whose speaker has reported that it announces the address. */
async function announced(family: 4 | 6): Promise<SandboxNode> {
  const { api, sandbox } = cluster;
  return await eventually(`IPv${family} is announced`, async () => {
    const condition = conditionOf(await api.service(`udp-${family}`), "Announced");
    const owner = await ownerOf(family);
    return (
      condition?.status === "True" &&
      condition.message?.endsWith(` by ${owner}`) === true &&
      sandbox.nodes.find(({ name }) => name === owner)
    );
  });
}

async function annotate({ name }: SandboxNode, value: string | null): Promise<void> {
  await cluster.api.patch(resources.nodes, name, { metadata: { annotations: { [drain]: value } } });
}

async function label({ name }: SandboxNode, value: string | null): Promise<void> {
  await cluster.api.patch(resources.nodes, name, { metadata: { labels: { [exclude]: value } } });
}

/** Waits until another node than `node` announces the address, and then as long as frames are repeated. */
async function movedFrom(node: SandboxNode, family: 4 | 6): Promise<SandboxNode> {
  const heir = await eventually(`IPv${family} has left ${node.name}`, async () => {
    const now = await announced(family);
    return now.name !== node.name && now;
  });
  await systemClock.sleep(5_000);
  return heir;
}

/** What is lost of a stream while `act` goes on. */
async function lossDuring(family: 4 | 6, act: () => Promise<unknown>): Promise<StreamLoss> {
  const address = addresses.get(family) ?? "";
  const stream = await UdpStream.start(cluster.client, address, port, perSecond);
  await act();
  return await stream.stop();
}

/** Asks all the time who has the address, for six seconds. */
async function askForIt(family: 4 | 6): Promise<void> {
  const address = addresses.get(family) ?? "";
  // ndisc6 asks no more once it has an answer.
  const ndisc6 = `while :; do ndisc6 -n -1 -r 1 -w 10 ${address} eth0; done`;
  const asking =
    family === 4
      ? ["arping", "-w", "6", "-W", "0.01", "-i", "eth0", address]
      : ["timeout", "6", "sh", "-c", ndisc6];
  await cluster.client.exec(asking);
}

/**
 * Has `act` move the address away from its node while datagrams are sent and everybody is asked who
 * has it. Returns the node that had it, what was lost, and for how long two nodes answered.
 */
async function move(family: 4 | 6, act: (node: SandboxNode) => Promise<unknown>) {
  const address = addresses.get(family) ?? "";
  const before = await announced(family);
  const capture = await cluster.sandbox.lan.capture({ filter: "arp or icmp6" });
  let heir = before;
  const loss = await lossDuring(family, async () => {
    const asking = askForIt(family);
    await systemClock.sleep(500);
    await act(before);
    heir = await movedFrom(before, family);
    await asking;
  });
  await capture.stop();
  const claims = claimsOf(capture.frames, address);
  const first = claims.find(({ mac }) => mac === heir.mac)?.timeMs ?? Number.NaN;
  const last = claims.findLast(({ mac }) => mac === before.mac)?.timeMs ?? Number.NaN;
  expect(new Set(claims.map(({ mac }) => mac))).toEqual(new Set([before.mac, heir.mac]));
  return { before, heir, loss, overlapMs: last - first };
}

describe.each([4, 6] as const)("datagrams over IPv%i, 5,000 a second,", (family) => {
  let control: StreamLoss;

  function expectNoLoss(what: string, loss: StreamLoss, overlapMs?: number): void {
    const both = overlapMs === undefined ? "" : `, two answered for ${overlapMs.toFixed(1)} ms`;
    const told = ({ sent, lost, longestGap }: StreamLoss): string =>
      `${lost} of ${sent} lost (${longestGap} in a row)`;
    console.log(`IPv${family}, ${what}: ${told(loss)}${both}; nothing moved: ${told(control)}`);
    expect(loss.lost).toBeLessThanOrEqual(control.lost);
    expect(overlapMs ?? 0).toBeLessThan(overlapMaxMs);
  }

  test("come back while nothing moves", async () => {
    const asking = askForIt(family);
    control = await lossDuring(family, () => systemClock.sleep(10_000));
    await asking;
    expect(control.lost).toBeLessThan(control.sent / 100);
  });

  test("lose none when the node drains; it gets nothing back when it no longer does", async () => {
    const { before, heir, loss, overlapMs } = await move(family, (node) => annotate(node, "true"));
    expectNoLoss("drain", loss, overlapMs);
    await annotate(before, null);
    await systemClock.sleep(2_000);
    expect((await announced(family)).name).toBe(heir.name);
  });

  test("lose none when they are sent away by hand: drained, and no longer as soon as they have left", async () => {
    const { before, heir, loss, overlapMs } = await move(family, async (node) => {
      await annotate(node, "true");
      await eventually("another owner", async () => {
        return (await ownerOf(family)) !== node.name;
      });
      await annotate(node, null);
    });
    expectNoLoss("forced move", loss, overlapMs);
    expect((await announced(family)).name).toBe(heir.name);
    expect(heir.name).not.toBe(before.name);
  });

  test("lose none when the node is labelled to be left out", async () => {
    const { before, loss, overlapMs } = await move(family, (node) => label(node, ""));
    expectNoLoss("label", loss, overlapMs);
    await label(before, null);
  });

  test("lose none when all speakers are updated, one after the other, and nothing moves", async () => {
    const before = await announced(family);
    const speakers = ["-n", "steelyard-system", "rollout"];
    const workload = "daemonset/steelyard-speaker";
    const loss = await lossDuring(family, async () => {
      await kubectl(cluster.sandbox, [...speakers, "restart", workload]);
      await kubectl(cluster.sandbox, [...speakers, "status", workload, "--timeout=120s"]);
      await systemClock.sleep(2_000);
    });
    expectNoLoss("rolling update", loss);
    expect((await announced(family)).name).toBe(before.name);
  });

  test("lose none when the node shuts down, on which the leader does not run", async () => {
    const node = await announced(family);
    if (node.name === (await leadersNode(cluster))) {
      await annotate(node, "true");
      await movedFrom(node, family);
      await annotate(node, null);
    }
    const { before, loss, overlapMs } = await move(family, (node) => node.shutDown());
    expectNoLoss("shutdown", loss, overlapMs);
    await before.powerOn();
    await eventually("the node stands by again", async () => {
      return (await cluster.api.bundles()).some(({ spec }) => spec.owner.node === before.name);
    });
  });
});
