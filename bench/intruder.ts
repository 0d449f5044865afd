import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { clientHost, nodeHost } from "../sandbox/addresses.ts";
import { inNetns, run, runOrThrow } from "../sandbox/command.ts";
import { createTopology, deleteTopology } from "../sandbox/topology.ts";
import type { NodeSighting } from "./intruder-node.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { quantile } from "./quantile.ts";
import { formatFigure, printTable } from "./table.ts";
import { machineNow } from "./udp-gaps.ts";

const families = [
  { name: "IPv4", address: "192.0.2.4", length: 24, peer: clientHost(1).ipv4 },
  { name: "IPv6", address: "2001:db8:0:2::4", length: 64, peer: clientHost(1).ipv6 },
] as const;
const node = nodeHost(1);
const [witness, intruder] = [clientHost(1), clientHost(2)];
/** Longer than an intruder that is never heard again is waited for. */
const patienceMs = 60_000;

/** What each side saw, in seconds. */
interface Round {
  /** From the intruder's first frame to the node's report. */
  readonly reported: number;
  /** From that frame until the witness believes the node again. */
  readonly wonBack: number;
  /** From the intruder's leaving to the node's report without it. */
  readonly gone: number;
}

/** Measures what a node and a client see of a host that takes an announced address and leaves. */
export async function benchIntruder(
  { rounds }: { readonly rounds: number },
  print: (line: string) => void,
): Promise<void> {
  await createTopology([node], [witness, intruder]);
  try {
    const rows: string[][] = [];
    for (const family of families) {
      const measured: Round[] = [];
      const speaker = start(node.name, "intruder-node.ts", family.address);
      const lines = createInterface({ input: speaker.stdout as NodeJS.ReadableStream });
      try {
        await told(lines, "ready");
        for (let round = 0; round < rounds; round += 1) {
          measured.push(await intrude(family, lines));
        }
      } finally {
        speaker.kill("SIGKILL");
        await once(speaker, "close");
      }
      const cells = (["reported", "wonBack", "gone"] as const).flatMap((column) => {
        const figures = measured.map((row) => row[column]);
        return [quantile(figures, 0.5), Math.max(...figures)].map(formatSeconds);
      });
      rows.push([family.name, ...cells]);
    }
    print(`An intruder takes an announced address and leaves, ${rounds} times, seconds`);
    print(`${describeMachine()}; ${describeLoad()}`);
    print("");
    const columns = [
      "reported p50",
      "max",
      "client won back p50",
      "max",
      "known to be gone p50",
      "max",
    ];
    printTable(["", ...columns], rows, print);
  } finally {
    await deleteTopology();
  }
}

async function intrude(
  { address, length, peer }: (typeof families)[number],
  lines: Interface,
): Promise<Round> {
  const nodad = length === 64 ? ["nodad"] : [];
  const onIntruder = (...argv: readonly string[]): Promise<unknown> =>
    run(inNetns(intruder.name, argv));
  const onWitness = (...argv: readonly string[]): Promise<unknown> =>
    run(inNetns(witness.name, argv));
  await onWitness("ping", "-c", "1", "-W", "1", address);
  const where = ["address", "add", `${address}/${length}`, "dev", "eth0"];
  await runOrThrow(inNetns(intruder.name, ["ip", ...where, ...nodad]));
  await onIntruder("ip", "neigh", "flush", "dev", "eth0");
  const firstAt = machineNow();
  const reported = told(lines, "reported");
  // It asks for the client as the address: the client believes it from then on.
  await onIntruder("ping", "-c", "1", "-W", "1", "-I", address, peer);
  const reportedAt = await reported;
  while ((await believed(address)) !== node.mac) {
    if (machineNow() - firstAt > patienceMs) {
      throw new Error(`${witness.name} never believed the node again`);
    }
    await sleep(20);
  }
  const wonAt = machineNow();
  const gone = told(lines, "clear");
  const leave = ["address", "del", `${address}/${length}`, "dev", "eth0"];
  await runOrThrow(inNetns(intruder.name, ["ip", ...leave]));
  const leftAt = machineNow();
  const goneAt = await gone;
  return { reported: reportedAt - firstAt, wonBack: wonAt - firstAt, gone: goneAt - leftAt };
}

/** The hardware address that the witness has for the address. */
async function believed(address: string): Promise<string | undefined> {
  const argv = ["ip", "neigh", "show", address, "dev", "eth0"];
  const { stdout } = await run(inNetns(witness.name, argv));
  return /lladdr (\S+)/.exec(stdout)?.[1];
}

async function told(lines: Interface, kind: NodeSighting["kind"]): Promise<number> {
  for (;;) {
    const [line] = await once(lines, "line", { signal: AbortSignal.timeout(patienceMs) });
    const sighting = JSON.parse(line as string) as NodeSighting;
    if (sighting.kind === kind) {
      return sighting.at;
    }
  }
}

function formatSeconds(ms: number): string {
  return ms < 10_000 ? (ms / 1_000).toFixed(2) : formatFigure(ms / 1_000);
}

function start(netns: string, script: string, ...args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`./${script}`, import.meta.url));
  const argv = inNetns(netns, [process.execPath, path, ...args]);
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}
