import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { clientHost, nodeHost } from "../sandbox/addresses.ts";
import { inNetns } from "../sandbox/command.ts";
import { createTopology, deleteTopology } from "../sandbox/topology.ts";
import { type ArpLatency, measureArp, measureArpRate } from "./arp-client.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { formatFigure, formatRatio, printTable } from "./table.ts";

/** An address of nobody, that the responder answers. */
const served = "192.0.2.4";
const blockMs = 60_000;

/** Measures how fast ARP requests are answered, by us and by the kernel, from the same client. */
export async function benchArp(
  options: { readonly count: number; readonly rounds: number },
  print: (line: string) => void,
): Promise<void> {
  const [node, host] = [nodeHost(1), clientHost(1)];
  const client = { name: host.name, ip: host.ipv4 };
  await createTopology([node], [host]);
  const responder = await startResponder(node.name);
  try {
    const kernel: ArpLatency[] = [];
    const idle: ArpLatency[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      kernel.push(await measureArp(client, node.ipv4, options.count));
      idle.push(await measureArp(client, served, options.count));
    }
    const rates = [
      await measureArpRate(client, node.ipv4, 3),
      await measureArpRate(client, served, 3),
    ];
    await say(responder, `block ${blockMs}`);
    const blocked: ArpLatency[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      blocked.push(await measureArp(client, served, options.count));
    }
    rates.push(await measureArpRate(client, served, 3));
    print(`ARP reply over veth and bridge, ${options.rounds} x ${options.count} requests, µs`);
    print(`${describeMachine()}; ${describeLoad()}`);
    print("");
    const base = best(kernel);
    const row = (name: string, all: readonly ArpLatency[], rate = Number.NaN): string[] => {
      const { p50, p99, p999 } = best(all);
      const lost = all.reduce((sum, it) => sum + it.lost, 0);
      const figures = [p50, p99, p999].map(formatFigure);
      return [name, ...figures, formatRatio(p50 / base.p50), String(lost), rate.toFixed(0)];
    };
    printTable(
      ["", "p50", "p99", "p99.9", "p50 : kernel", "lost", "answers/s"],
      [
        row("kernel's own address", kernel, rates[0]),
        row("responder, idle", idle, rates[1]),
        row("responder, JavaScript busy", blocked, rates[2]),
      ],
      print,
    );
  } finally {
    responder.kill("SIGKILL");
    await once(responder, "close");
    await deleteTopology();
  }
}

/** The round with the lowest median: what else the machine does only ever adds. */
function best(rounds: readonly ArpLatency[]): ArpLatency {
  return rounds.reduce((a, b) => (b.p50 < a.p50 ? b : a));
}

async function startResponder(netns: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("./arp-responder.ts", import.meta.url));
  const argv = inNetns(netns, [process.execPath, script, served]);
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await heard(child);
  return child;
}

async function say(child: ChildProcess, line: string): Promise<void> {
  child.stdin?.write(`${line}\n`);
  await heard(child);
}

async function heard(child: ChildProcess): Promise<void> {
  const ended = once(child, "close").then(() => {
    throw new Error("the responder ended");
  });
  if (child.stdout !== null) {
    await Promise.race([once(child.stdout, "data"), ended]);
  }
}
