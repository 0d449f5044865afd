import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { clientHost, nodeHost } from "../sandbox/addresses.ts";
import { inNetns } from "../sandbox/command.ts";
import { createTopology, deleteTopology } from "../sandbox/topology.ts";
import {
  type AnswerLatency,
  type AskingHost,
  measureAnswerRate,
  measureAnswers,
} from "./answer-client.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { formatFigure, formatRatio, printTable } from "./table.ts";

/** Addresses of nobody, that the responder answers. */
const served = { arp: "192.0.2.4", ndp: "2001:db8:0:2::4" } as const;
const many = 10_000;
const rateSeconds = 3;
/** A request takes less with its pause; what is busy must be so until the last one. */
const msPerRequest = 0.7;
const spareMs = 5_000;

export interface AnswerOptions {
  readonly protocol: "arp" | "ndp";
  readonly count: number;
  readonly rounds: number;
}

/** What one contender showed. */
interface Series {
  readonly name: string;
  readonly latencies: readonly AnswerLatency[];
  readonly rate: number;
}

/** Measures how fast requests are answered, by us and by the kernel, from the same client. */
export async function benchAnswers(
  options: AnswerOptions,
  print: (line: string) => void,
): Promise<void> {
  const { protocol, count, rounds } = options;
  const [node, host] = [nodeHost(1), clientHost(1)];
  const family = protocol === "arp" ? "ipv4" : "ipv6";
  const client: AskingHost = { name: host.name, ip: host[family] };
  await createTopology([node], [host]);
  const responder = await Responder.start(node.name, served[protocol]);
  const measure = (name: string, address: string): Promise<Series> =>
    measureSeries(client, { name, address, count, rounds });
  try {
    const kernel = await measure("kernel's own address", node[family]);
    const series = [kernel];
    for (const addresses of [1, many]) {
      const known = `${addresses.toLocaleString("en")} ${addresses === 1 ? "address" : "addresses"}`;
      if (addresses > 1) {
        await responder.say(`more ${addresses - 1}`);
        // The kernel looks for the group of each solicitation in a list of all that are joined.
        series.push(await measure(`kernel's own address, ${known} beside`, node[family]));
      }
      series.push(await measure(`responder, ${known}, idle`, served[protocol]));
      await responder.say(`block ${rounds * count * msPerRequest + rateSeconds * 1_000 + spareMs}`);
      series.push(await measure(`responder, ${known}, JavaScript busy`, served[protocol]));
      // Had it ended before, the last series would have been idle.
      await responder.heard();
    }
    const what = protocol === "arp" ? "ARP replies" : "Neighbor advertisements";
    print(`${what} over veth and bridge, ${rounds} x ${count} requests, µs`);
    print(`${describeMachine()}; ${describeLoad()}`);
    print("");
    printSeries(series, kernel, print);
  } finally {
    await responder.end();
    await deleteTopology();
  }
}

async function measureSeries(
  client: AskingHost,
  {
    name,
    address,
    count,
    rounds,
  }: { name: string; address: string; count: number; rounds: number },
): Promise<Series> {
  const latencies: AnswerLatency[] = [];
  for (let round = 0; round < rounds; round += 1) {
    latencies.push(await measureAnswers(client, address, count));
  }
  return { name, latencies, rate: await measureAnswerRate(client, address, rateSeconds) };
}

function printSeries(
  series: readonly Series[],
  kernel: Series,
  print: (line: string) => void,
): void {
  const base = best(kernel.latencies);
  const rows = series.map(({ name, latencies, rate }) => {
    const { p50, p99, p999 } = best(latencies);
    const lost = latencies.reduce((sum, it) => sum + it.lost, 0);
    const figures = [p50, p99, p999].map(formatFigure);
    return [name, ...figures, formatRatio(p50 / base.p50), String(lost), rate.toFixed(0)];
  });
  printTable(["", "p50", "p99", "p99.9", "p50 : kernel", "lost", "answers/s"], rows, print);
}

/** The round with the lowest median: what else the machine does only ever adds. */
function best(rounds: readonly AnswerLatency[]): AnswerLatency {
  return rounds.reduce((a, b) => (b.p50 < a.p50 ? b : a));
}

/** The process that answers, at a node of the LAN. */
class Responder {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines;
  }

  static async start(netns: string, address: string): Promise<Responder> {
    const script = fileURLToPath(new URL("./answer-responder.ts", import.meta.url));
    const argv = inNetns(netns, [process.execPath, script, address]);
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const responder = new Responder(child, createInterface(child.stdout));
    await responder.heard();
    return responder;
  }

  /** Gives it a line, and returns when it has said one. */
  async say(line: string): Promise<void> {
    const heard = this.heard();
    this.#child.stdin?.write(`${line}\n`);
    await heard;
  }

  /** Returns when it says its next line. Throws when it ends. */
  async heard(): Promise<void> {
    const ended = once(this.#child, "close").then(() => {
      throw new Error("the responder ended");
    });
    await Promise.race([once(this.#lines, "line"), ended]);
  }

  async end(): Promise<void> {
    this.#child.removeAllListeners("close");
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }
}
