import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NetworkInterface } from "../../src/core/net/network-interface.ts";
import { isLong } from "../long.ts";
import { nodeMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { linkScript } from "./link-script.ts";

const address = "192.0.2.4";
const pairs = isLong ? 1_000 : 300;

/** All interfaces of a storm are in it. */
const group = 7;

describe("a storm of interfaces", () => {
  const at = useLink();
  let child: ChildProcess | undefined;

  afterEach(() => {
    child?.kill("SIGKILL");
    child = undefined;
    clearStorm();
  });

  async function macThatAnswers(): Promise<string | undefined> {
    const said = await at.lan.inPeer("arping", "-C", "1", "-w", "2", "-i", "eth0", address);
    return /from (\S+)/.exec(said)?.[1];
  }

  test("ends with the right picture, and answers go on meanwhile", async () => {
    await at.answer(address);
    for (let round = 0; round < 2; round += 1) {
      makeStorm();
      expect(await macThatAnswers()).toBe(nodeMac);
      clearStorm();
    }
    makeStorm();
    await vi.waitFor(() => expect(pictureOf(at.link.interfaces())).toEqual(truth()), 10_000);
    expect(pictureOf(at.link.interfaces()).size).toBeGreaterThan(pairs);
    expect(await macThatAnswers()).toBe(nodeMac);
  });

  test("that overran netlink is caught up with: a link that stood still asks for everything again", async () => {
    await at.link.close();
    const source = linkScript(
      at,
      `import { createInterface } from "node:readline";
      createInterface(process.stdin).on("line", () => {
        const plain = (_, value) => (typeof value === "bigint" ? undefined : value);
        console.log(JSON.stringify(link.interfaces(), plain));
      });
      console.log("open");`,
    );
    child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface(child.stdout as NodeJS.ReadableStream);
    const ask = async (): Promise<readonly NetworkInterface[]> => {
      child?.stdin?.write("\n");
      const [line] = await once(lines, "line");
      return JSON.parse(line as string) as readonly NetworkInterface[];
    };
    await once(lines, "line");
    makeStorm();
    await vi.waitFor(async () => expect(pictureOf(await ask())).toEqual(truth()), 10_000);
    expect(netlinkDrops(child)).toBe(0);

    child.kill("SIGSTOP");
    clearStorm();
    makeStorm();
    expect(netlinkDrops(child)).toBeGreaterThan(0);
    child.kill("SIGCONT");
    await vi.waitFor(async () => expect(pictureOf(await ask())).toEqual(truth()), 10_000);
    expect(await macThatAnswers()).toBe(nodeMac);
  });
});

/** What the two sides are compared by: state and prefixes by name and index. */
type Picture = ReadonlyMap<string, string>;

function pictureOf(interfaces: readonly NetworkInterface[]): Picture {
  return new Map(
    interfaces.map(({ name, index, mac, up, prefixes }) => [
      `${name} ${index}`,
      [mac, up, ...prefixes.map((one) => `${one.address}/${one.length}`).sort()].join(" "),
    ]),
  );
}

/** What `ip` says. */
function truth(): Picture {
  const text = execFileSync("ip", ["-json", "addr"], { encoding: "utf8" });
  const interfaces = JSON.parse(text) as {
    ifname: string;
    ifindex: number;
    address: string;
    flags: string[];
    addr_info: { local: string; prefixlen: number }[];
  }[];
  return new Map(
    interfaces.map(({ ifname, ifindex, address: mac, flags, addr_info }) => [
      `${ifname} ${ifindex}`,
      [
        flags.includes("LOOPBACK") ? undefined : mac,
        flags.includes("UP"),
        ...addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort(),
      ].join(" "),
    ]),
  );
}

/** Makes pairs of interfaces; a part of them gets addresses, flaps, moves or goes at once. */
function makeStorm(): void {
  ip(
    Array.from({ length: pairs }, (_, i) => [
      `link add s${i} group ${group} type veth peer name t${i}`,
      `link set s${i} up`,
      `addr add 10.8.${i >> 8}.${i & 255}/32 dev s${i}`,
      ...(i % 3 === 0 ? [`link set s${i} down`, `link set s${i} up`, `link set s${i} down`] : []),
      ...(i % 5 === 0 ? [`addr del 10.8.${i >> 8}.${i & 255}/32 dev s${i}`] : []),
      ...(i % 7 === 0 ? [`link set t${i} address 02:00:00:00:07:${hexByte(i)}`] : []),
      ...(i % 11 === 0 ? [`link del s${i}`] : []),
    ]).flat(),
  );
}

/** All at once, as when a node's Pods end. */
function clearStorm(): void {
  ip([`link del group ${group}`]);
}

function hexByte(value: number): string {
  return (value & 255).toString(16).padStart(2, "0");
}

function ip(commands: readonly string[]): void {
  execFileSync("ip", ["-batch", "-"], { input: commands.join("\n") });
}

/** How many netlink messages the kernel could not give this process, whose buffers were full. */
function netlinkDrops(process: ChildProcess): number {
  const folder = `/proc/${process.pid}/fd`;
  const inodes = new Set(
    readdirSync(folder).map(
      (fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1],
    ),
  );
  const sockets = readFileSync("/proc/net/netlink", "utf8").trim().split("\n").slice(1);
  return sockets
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => inodes.has(columns[9]))
    .reduce((sum, columns) => sum + Number(columns[8]), 0);
}
