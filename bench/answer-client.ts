import { compile, nativeSource } from "../build/native.ts";
import { inNetns, runOrThrow } from "../sandbox/command.ts";

/** A host of the LAN that asks, and its address of the family in question. */
export interface AskingHost {
  readonly name: string;
  readonly ip: string;
}

/** How fast requests were answered: microseconds. */
export interface AnswerLatency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Requests without an answer within 100 ms. */
  readonly lost: number;
}

/** On the wrapper's own tmpfs. */
const program = "/run/answer-client";
let compiled: Promise<void> | undefined;

/** Asks for `address` from a host of the LAN, one request at a time. */
export async function measureAnswers(
  host: AskingHost,
  address: string,
  count: number,
): Promise<AnswerLatency> {
  return JSON.parse(await runClient(host, address, ["latency", String(count)]));
}

/** Answers per second with 64 requests under way. */
export async function measureAnswerRate(
  host: AskingHost,
  address: string,
  seconds: number,
): Promise<number> {
  const said = await runClient(host, address, ["rate", String(seconds)]);
  return (JSON.parse(said) as { readonly perSecond: number }).perSecond;
}

async function runClient(
  host: AskingHost,
  address: string,
  args: readonly string[],
): Promise<string> {
  const source = new URL("answer-client.c", import.meta.url).pathname;
  const codecs = ["arp.c", "ndp.c", "ethernet.c"].map(nativeSource);
  compiled ??= compile(["-O2", "-o", program, source, ...codecs]);
  await compiled;
  return await runOrThrow(inNetns(host.name, [program, "eth0", host.ip, address, ...args]));
}
