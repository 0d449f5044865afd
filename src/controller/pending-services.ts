/** What a pending Service waits for: certain addresses, or any of a pool's in some family. */
export interface Waiting {
  readonly addresses: readonly string[];
  /** As {@link poolSlot} and {@link sharingSlot} write them. */
  readonly poolSlots: readonly string[];
}

/** The name for "an address of this family in this pool". */
export function poolSlot(pool: string, family: 4 | 6): string {
  return `${pool}/${family}`;
}

/** The name for "a part of an address whose holders have this sharing key"; no pool is called like that. */
export function sharingSlot(key: string): string {
  return `shared as ${key}`;
}

/**
 * Services that asked and got nothing, by what could help them, so that a freed
 * address wakes those that could use it and no others.
 */
export class PendingServices {
  readonly #waiting = new Map<string, Waiting>();
  readonly #byAddress = new Map<string, Set<string>>();
  readonly #byPoolSlot = new Map<string, Set<string>>();

  /** How many Services wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** True if the Service waits. */
  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** All that wait, longest first. */
  keys(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  /** Takes note that the Service waits. One that waits already keeps its turn. */
  add(key: string, waiting: Waiting): void {
    if (JSON.stringify(this.#waiting.get(key)) === JSON.stringify(waiting)) {
      return;
    }
    this.remove(key);
    this.#waiting.set(key, waiting);
    index(this.#byAddress, waiting.addresses, key);
    index(this.#byPoolSlot, waiting.poolSlots, key);
  }

  /** The Service no longer waits. */
  remove(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      this.#waiting.delete(key);
      unindex(this.#byAddress, waiting.addresses, key);
      unindex(this.#byPoolSlot, waiting.poolSlots, key);
    }
  }

  /** Services that could use `address`, which is in `slot`: those that asked for it by name first. */
  couldUse(address: string, slot: string | undefined): readonly string[] {
    const byName = this.#byAddress.get(address) ?? [];
    const bySlot = (slot === undefined ? undefined : this.#byPoolSlot.get(slot)) ?? [];
    return [...byName, ...bySlot];
  }
}

function index(by: Map<string, Set<string>>, names: readonly string[], key: string): void {
  for (const name of names) {
    const keys = by.get(name) ?? new Set();
    by.set(name, keys.add(key));
  }
}

function unindex(by: Map<string, Set<string>>, names: readonly string[], key: string): void {
  for (const name of names) {
    const keys = by.get(name);
    keys?.delete(key);
    if (keys?.size === 0) {
      by.delete(name);
    }
  }
}
