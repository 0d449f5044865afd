import { open } from "node:fs/promises";
import { type AuditEntry, isWrite, parseAudit } from "../../sandbox/audit.ts";

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
  #holder: string | undefined;

  /** `file` is the API server's audit log. */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * What was logged since the last call and should not be there: writes, Events too,
   * that a controller finished with success after the Lease had gone to another one.
   */
  async readStale(): Promise<readonly AuditEntry[]> {
    const entries = parseAudit(await this.#readOn()).filter(isWrite);
    return entries
      .filter(({ user, code }) => user === controller && code < 300)
      .sort((a, b) => a.time.getTime() - b.time.getTime())
      .filter((entry) => this.#isStale(entry));
  }

  #isStale({ resource, name, pod }: AuditEntry): boolean {
    if (resource !== "leases" || name !== "steelyard-controller") {
      return pod !== this.#holder;
    }
    this.#holder = pod;
    return false;
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
