import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { clientHost, nodeHost } from "../sandbox/addresses.ts";
import { inNetns, runOrThrow } from "../sandbox/command.ts";
import { createTopology, deleteTopology, switchNetns } from "../sandbox/topology.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { quantile } from "./quantile.ts";
import { formatFigure, printTable } from "./table.ts";
import { type Gap, machineNow } from "./udp-gaps.ts";

const announced = ["192.0.2.4", "2001:db8:0:2::4"] as const;
const owned = ["192.0.2.5/32", "2001:db8:0:2::5/128"] as const;
const node = nodeHost(1);
const client = clientHost(1);
const newMac = "02:00:00:00:00:77";
const spareMac = "02:00:00:00:00:78";
const pulledMs = 2_000;

/** Something that happens to the node's interface. */
interface Mishap {
  readonly name: string;
  /** Makes it happen. Returns when it was over: what comes after is the outage that is ours. */
  readonly happen: (round: number) => Promise<number>;
}

const mishaps: readonly Mishap[] = [
  {
    name: "cable pulled for 2 s, after it is back",
    happen: async () => {
      await onSwitch(`link set ${node.name} down`);
      await sleep(pulledMs);
      const backAt = machineNow();
      await onSwitch(`link set ${node.name} up`);
      return backAt;
    },
  },
  {
    name: "interface down and up, after it is back",
    happen: async () => {
      await onNode("link set eth0 down");
      const backAt = machineNow();
      await onNode("link set eth0 up");
      return backAt;
    },
  },
  {
    name: "hardware address changed",
    happen: async (round) => {
      const changedAt = machineNow();
      await onNode(`link set eth0 address ${round % 2 === 0 ? newMac : node.mac}`);
      return changedAt;
    },
  },
  {
    name: "deleted and made anew with another one, after that",
    happen: async (round) => {
      await onNode("link delete eth0");
      const backAt = machineNow();
      const mac = round % 2 === 0 ? newMac : node.mac;
      await plug("eth0", node.name, mac, [`${node.ipv4}/24`, `${node.ipv6}/64`, ...owned]);
      return backAt;
    },
  },
];

const takeOver: Mishap = {
  name: "cable pulled, second interface in the subnet takes over",
  happen: async () => {
    const pulledAt = machineNow();
    await onSwitch(`link set ${node.name} down`);
    return pulledAt;
  },
};

/** Measures for how long clients do not reach an address when its interface comes, goes or changes. */
export async function benchInterfaces(
  { rounds }: { readonly rounds: number },
  print: (line: string) => void,
): Promise<void> {
  await createTopology([node], [client]);
  await letSecondInterfaceWork();
  const processes: ChildProcess[] = [];
  try {
    for (const address of owned) {
      await onNode(`address add ${address} dev eth0`);
    }
    const echo = start(node.name, "interface-node.ts", ...announced);
    processes.push(echo);
    await once(echo.stdout as NodeJS.ReadableStream, "data");
    const both = [...announced, ...owned].map((address) => address.replace(/\/.*/, ""));
    const traffic = start(client.name, "udp-gaps.ts", `${announced.length}`, ...both);
    processes.push(traffic);
    const lines = createInterface({ input: traffic.stdout as NodeJS.ReadableStream });
    const gaps = async (): Promise<readonly Gap[]> => {
      traffic.stdin?.write("gaps\n");
      const [line] = await once(lines, "line", { signal: AbortSignal.timeout(60_000) });
      return JSON.parse(line as string) as readonly Gap[];
    };
    const rows: string[][] = [];
    await gaps();
    print("all flows");
    const measure = async (mishap: Mishap, after: () => Promise<void>): Promise<void> => {
      const outages: number[][] = [];
      for (let round = 0; round < rounds; round += 1) {
        // The kernel announces nothing: its own addresses may be lost for minutes.
        await ip(`-n ${client.name} neigh flush dev eth0`);
        await gaps();
        await sleep(500);
        traffic.stdin?.write("mark\n");
        await sleep(500);
        const overAt = await mishap.happen(round);
        await sleep(1_000);
        const seen = await gaps();
        outages.push(
          seen.map(({ ms, resumedAt }) => Math.max(0, Math.min(ms, resumedAt - overAt))),
        );
        await after();
      }
      const row = [mishap.name, ...[0, 2, 1, 3].flatMap((at) => columns(outages, at))];
      rows.push(row);
      print(row.join("  "));
    };
    for (const mishap of mishaps) {
      await measure(mishap, async () => undefined);
    }
    await plug("eth2", `${node.name}b`, spareMac, ["192.0.2.231/24", "2001:db8:0:2::231/64"]);
    await measure(takeOver, async () => {
      await onSwitch(`link set ${node.name} up`);
      await sleep(6_000);
    });
    print(`Outage at a client that sends a datagram each ms, ${rounds} times each, ms`);
    print(`${describeMachine()}; ${describeLoad()}`);
    print("");
    const columnsOf = ["IPv4: p50", "max", "kernel's own: p50", "max"];
    printTable(["", ...columnsOf, "IPv6: p50", ...columnsOf.slice(1)], rows, print);
  } finally {
    for (const child of processes) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    await deleteTopology();
  }
}

function columns(outages: readonly (readonly number[])[], at: number): readonly string[] {
  const figures = outages.map((row) => row[at] ?? Number.NaN);
  return [quantile(figures, 0.5), Math.max(...figures)].map(formatFigure);
}

/** ARP is answered where the address is, and nothing is sent where there is no carrier. */
async function letSecondInterfaceWork(): Promise<void> {
  const script = `cd /proc/sys/net && for name in all default eth0; do echo 1 > ipv4/conf/$name/arp_ignore
    for family in ipv4 ipv6; do echo 1 > $family/conf/$name/ignore_routes_with_linkdown; done; done`;
  await runOrThrow(inNetns(node.name, ["sh", "-c", script]));
}

async function plug(
  name: string,
  port: string,
  mac: string,
  addresses: readonly string[],
): Promise<void> {
  const ends = `peer name ${port} netns ${switchNetns}`;
  await ip(`link add ${name} netns ${node.name} address ${mac} type veth ${ends}`);
  for (const address of addresses) {
    await onNode(`address add ${address} dev ${name}`);
  }
  await onNode(`link set ${name} up`);
  await onSwitch(`link set ${port} master br0 up`);
}

async function onNode(command: string): Promise<void> {
  await ip(`-n ${node.name} ${command}`);
}

async function onSwitch(command: string): Promise<void> {
  await ip(`-n ${switchNetns} ${command}`);
}

async function ip(command: string): Promise<void> {
  await runOrThrow(["ip", ...command.split(" ")]);
}

function start(netns: string, script: string, ...args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`./${script}`, import.meta.url));
  const argv = inNetns(netns, [process.execPath, path, ...args]);
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}
