import { compile } from "../build/native.ts";
import type { LanClient } from "../sandbox/client.ts";
import { inNetns, runOrThrow } from "../sandbox/command.ts";

/** How fast requests were answered: microseconds. */
export interface ArpLatency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Requests without an answer within 100 ms. */
  readonly lost: number;
}

/** On the wrapper's own tmpfs. */
const program = "/run/arp-client";
let compiled: Promise<void> | undefined;

/** Asks for `address` from a host of the LAN, one request at a time. */
export async function measureArp(
  client: Pick<LanClient, "name" | "ip">,
  address: string,
  count: number,
): Promise<ArpLatency> {
  return JSON.parse(await runClient(client, address, ["latency", String(count)]));
}

/** Answers per second with 64 requests under way. */
export async function measureArpRate(
  client: Pick<LanClient, "name" | "ip">,
  address: string,
  seconds: number,
): Promise<number> {
  const said = await runClient(client, address, ["rate", String(seconds)]);
  return (JSON.parse(said) as { readonly perSecond: number }).perSecond;
}

async function runClient(
  client: Pick<LanClient, "name" | "ip">,
  address: string,
  args: readonly string[],
): Promise<string> {
  compiled ??= compile(["-O2", "-o", program, new URL("arp-client.c", import.meta.url).pathname]);
  await compiled;
  return await runOrThrow(inNetns(client.name, [program, "eth0", client.ip, address, ...args]));
}
