import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Component } from "./component.ts";

/** Where etcd serves its clients: inside the wrapper only, without TLS. */
export const etcdUrl = "http://127.0.0.1:2379";
const etcdPeerUrl = "http://127.0.0.1:2380";

/** The key `\0` in base64: asking for it asks for nothing but the head of the answer. */
const noKey = "AA==";

/** The cluster's store: a process, a folder, and what can befall them. */
export class Etcd {
  readonly component: Component;
  readonly #data: string;
  readonly #copies: string;
  #made = 0;

  /** Data and copies of it go below `directory`, the log into `logFile`. */
  constructor(directory: string, logFile: string, binary: string) {
    this.#data = join(directory, "etcd");
    this.#copies = join(directory, "etcd-copies");
    this.component = new Component("etcd", logFile, [binary, ...flags(this.#data)]);
  }

  /**
   * Copies the folder as it is now, as a backup of the machine's disk would;
   * the process stands still meanwhile. Returns the copy's path.
   */
  async copy(): Promise<string> {
    this.#made += 1;
    const copy = join(this.#copies, String(this.#made));
    await this.component.whileStill(() => cp(this.#data, copy, { recursive: true }));
    return copy;
  }

  /** Kills the process and starts it on a copy of its folder. */
  async startFrom(copy: string): Promise<void> {
    await this.component.kill();
    await rm(this.#data, { recursive: true });
    await cp(copy, this.#data, { recursive: true });
    this.component.start();
    await this.component.waitUntil(() =>
      this.revision().then(
        () => true,
        () => false,
      ),
    );
  }

  /** The number of changes so far; resource versions are these. */
  async revision(): Promise<string> {
    const answer = await ask("kv/range", { key: noKey, count_only: true });
    return (answer as { header: { revision: string } }).header.revision;
  }

  /** Forgets every state before the present one: no watch can begin in the past. */
  async compact(): Promise<void> {
    await ask("kv/compaction", { revision: await this.revision(), physical: true });
  }

  /**
   * Refuses what takes room, as etcd does by itself once its disk quota is used
   * up: it raises this very alarm then, which only an admin takes back.
   */
  async setFull(full: boolean): Promise<void> {
    const { members } = (await ask("cluster/member/list", {})) as { members: { ID: string }[] };
    const [member] = members;
    const action = full ? "ACTIVATE" : "DEACTIVATE";
    await ask("maintenance/alarm", { action, memberID: member?.ID ?? "0", alarm: "NOSPACE" });
  }
}

function flags(data: string): readonly string[] {
  return [
    "--name=sandbox",
    `--data-dir=${data}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${etcdPeerUrl}`,
    `--initial-advertise-peer-urls=${etcdPeerUrl}`,
    `--initial-cluster=sandbox=${etcdPeerUrl}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

/** Asks etcd's JSON gateway. Throws with its words when it refuses. */
async function ask(path: string, body: object): Promise<unknown> {
  const answer = await fetch(`${etcdUrl}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`etcd answered ${answer.status} to ${path}: ${text}`);
  }
  return JSON.parse(text);
}
