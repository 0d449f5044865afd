import { open } from "node:fs/promises";
import { type AuditEntry, isWrite, parseAudit } from "../../sandbox/audit.ts";

/** A write that should not be there, and why not. */
export interface StaleWrite {
  readonly write: AuditEntry;
  /** The write by which the Lease had gone to another one. */
  readonly lease: AuditEntry | undefined;
}

const controller = "system:serviceaccount:steelyard-system:steelyard-controller";

/**
 * Reads an audit log bit by bit and follows who leads: the Pod whose write of the
 * controller's Lease the API server has taken last. A process that was killed and
 * started again in the same Pod is not told apart from the one before; it has no
 * writes of that one to send.
 */
export class LeaderWrites {
  readonly #file: string;
  #offset = 0;
  /** The write by which who leads has become the leader. */
  #lease: AuditEntry | undefined;

  /** `file` is the API server's audit log. */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * What was logged since the last call and should not be there: writes, Events too,
   * that a controller finished with success after the Lease had gone to another one.
   */
  async readStale(): Promise<readonly StaleWrite[]> {
    const entries = parseAudit(await this.#readOn()).filter(isWrite);
    return entries
      .filter(({ user, code }) => user === controller && code < 300)
      .sort((a, b) => a.time.getTime() - b.time.getTime())
      .flatMap((write) => this.#judge(write) ?? []);
  }

  #judge(write: AuditEntry): StaleWrite | undefined {
    const lease = this.#lease;
    if (write.resource !== "leases" || write.name !== "steelyard-controller") {
      return write.pod === lease?.pod ? undefined : { write, lease };
    }
    this.#lease = write.pod === lease?.pod ? lease : write;
    return undefined;
  }

  /** The whole lines behind what was read before. */
  async #readOn(): Promise<string> {
    const log = await open(this.#file);
    try {
      const { size } = await log.stat();
      const bytes = Buffer.alloc(size - this.#offset);
      await log.read(bytes, 0, bytes.length, this.#offset);
      const complete = bytes.subarray(0, bytes.lastIndexOf("\n") + 1);
      this.#offset += complete.length;
      return complete.toString();
    } finally {
      await log.close();
    }
  }
}

/** In one line which write it was, when, whose, and since when another one led. */
export function describeStale({ write, lease }: StaleWrite): string {
  return `stale: ${describe(write)}; leader: ${lease === undefined ? "nobody" : describe(lease)}`;
}

function describe({ verb, resource, namespace, name, pod, received, time }: AuditEntry): string {
  const what = [resource, namespace, name].filter((part) => part !== undefined).join(" ");
  return `${verb} ${what} by ${pod}, received ${received.toISOString()}, done ${time.toISOString()}`;
}
