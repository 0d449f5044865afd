import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LanClient } from "../../sandbox/client.ts";
import { allocationName } from "../../src/core/model/ip-allocation.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";
import { decided, eventually, type InstalledCluster, startInstalled } from "./installed-cluster.ts";

const families = [
  { family: 4, first: "192.0.2.10", pool: "192.0.2.10-192.0.2.29", length: 24 },
  { family: 6, first: "2001:db8:0:2::10", pool: "2001:db8:0:2::10-2001:db8:0:2::29", length: 64 },
] as const;

/** A quarantine ends three rounds of 30 s after the host left. */
const quarantineMs = 240_000;

let cluster: InstalledCluster;
let intruder: LanClient;
let witness: LanClient;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3, clients: 2 });
  const [first, second] = cluster.sandbox.clients;
  if (first === undefined || second === undefined) {
    throw new Error("the sandbox has no two clients");
  }
  [witness, intruder] = [first, second];
});

afterAll(async () => {
  await cluster?.stop();
});

// Both families at once: what takes the time is the quarantine.
describe.concurrent.each(families)("an intruder on the LAN, over IPv$family", (it) => {
  const { family, first, pool, length } = it;
  const nodad = family === 6 ? ["nodad"] : [];
  const spec = { ipFamilyPolicy: "SingleStack", ipFamilies: [`IPv${family}`] };
  const objectName = allocationName(first as IpAddress);

  async function run(host: LanClient, ...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await host.exec(argv);
    if (code !== 0) {
      throw new Error(`${argv.join(" ")}: ${stderr}`);
    }
    return stdout;
  }

  async function take(address: string): Promise<void> {
    await run(intruder, "ip", "address", "add", `${address}/${length}`, "dev", "eth0", ...nodad);
  }

  async function leave(address: string): Promise<void> {
    await run(intruder, "ip", "address", "del", `${address}/${length}`, "dev", "eth0");
  }

  /** The intruder says to all that it has the address. */
  async function announce(address: string): Promise<void> {
    const target = family === 4 ? witness.ip : witness.ipv6;
    await intruder.exec(["ip", "neigh", "flush", "dev", "eth0"]);
    await intruder.exec(["ping", "-c", "1", "-W", "1", "-I", address, target]);
  }

  /** Which hardware address the witness has for the address. */
  async function believed(address: string): Promise<string | undefined> {
    const shown = await run(witness, "ip", "neigh", "show", address, "dev", "eth0");
    return /lladdr (\S+)/.exec(shown)?.[1];
  }

  test("has a free address kept back until it leaves, and whoever asked for it gets it then", {
    concurrent: false,
    timeout: 400_000,
  }, async () => {
    await take(first);
    await cluster.api.createPool(`family-${family}`, [pool]);
    const quarantined = await eventually("the address is in quarantine", async () => {
      const allocation = await cluster.api.allocation(objectName);
      return allocation?.spec.state === "Quarantined" ? allocation : undefined;
    });
    expect(quarantined.spec).toMatchObject({ claimant: { mac: intruder.mac } });
    await cluster.api.createService({ name: `any-${family}`, spec });
    expect(addressesOf(await decided(cluster.api, "True", `any-${family}`))).not.toContain(first);
    const annotations = { "metallb.io/loadBalancerIPs": first };
    await cluster.api.createService({ name: `asks-${family}`, annotations, spec });
    const refused = await decided(cluster.api, "False", `asks-${family}`);
    expect(conditionOf(refused, "AddressAssigned")).toMatchObject({
      reason: "AddressConflict",
      message: expect.stringContaining(intruder.mac),
    });
    const leftAt = systemClock.now();
    await leave(first);
    await eventually(
      "the address is given to who asked for it",
      async () => addressesOf(await cluster.api.service(`asks-${family}`)).includes(first),
      quarantineMs,
    );
    console.log(`IPv${family}: free again ${seconds(leftAt)} s after the host had left`);
  });

  test("is named on the Service whose address it claims, which keeps and defends it, until it leaves", {
    concurrent: false,
    timeout: 200_000,
  }, async () => {
    const name = `any-${family}`;
    const [address = ""] = addressesOf(await cluster.api.service(name));
    const owner = await cluster.api.ownerOf(allocationName(address as IpAddress));
    const ownerMac = cluster.sandbox.nodes.find((node) => node.name === owner)?.mac;
    await take(address);
    const takenAt = systemClock.now();
    await announce(address);
    const claimed = await eventually("the condition AddressConflict", async () => {
      const service = await cluster.api.service(name);
      return conditionOf(service, "AddressConflict")?.status === "True" ? service : undefined;
    });
    const toldAfter = seconds(takenAt);
    expect(conditionOf(claimed, "AddressConflict")?.message).toContain(intruder.mac);
    expect(addressesOf(claimed)).toEqual([address]);
    await eventually("the Event", async () => {
      const events = await cluster.api.eventsOf(claimed.metadata?.uid);
      return events.some(({ type, reason }) => `${type} ${reason}` === "Warning AddressConflict");
    });
    await eventually("the witness believes the node", async () => {
      await witness.exec(["ping", "-c", "1", "-W", "1", address]);
      return (await believed(address)) === ownerMac;
    });
    const wonAfter = seconds(takenAt);
    await leave(address);
    const leftAt = systemClock.now();
    await eventually("the condition is gone", async () => {
      const service = await cluster.api.service(name);
      return conditionOf(service, "AddressConflict") === undefined;
    });
    expect(addressesOf(await cluster.api.service(name))).toEqual([address]);
    expect(await cluster.api.ownerOf(allocationName(address as IpAddress))).toBe(owner);
    console.log(
      `IPv${family}: told ${toldAfter} s after the intruder was first heard; the witness believed the ` +
        `node again after ${wonAfter} s; the condition was gone ${seconds(leftAt)} s after it had left`,
    );
  });
});

function seconds(since: number): string {
  return ((systemClock.now() - since) / 1_000).toFixed(1);
}
