import type { IpFamily } from "../core/net/ip-address.ts";

/** One way in which a pending Service could be served: by an address of each of `families`, from one of `pools`. */
export interface Want {
  readonly pools: readonly { readonly name: string }[];
  readonly families: readonly IpFamily[];
}

/** What a pending Service waits for; any of it may help. */
export interface Waiting {
  /** Certain addresses. */
  readonly addresses: readonly string[];
  readonly wants: readonly Want[];
  /** A part of an address whose holders have this sharing key. */
  readonly sharingKey?: string | undefined;
}

/** Tells whether more than `awake` Services could be served in this way now. */
export type HasRoom = (want: Want, awake: number) => boolean;

/** Services that wait for the same, in the order in which they came. */
interface Line {
  readonly name: string;
  readonly want: Want;
  readonly waiters: Set<string>;
  /** Those that were woken and have not been looked at yet. */
  readonly awake: Set<string>;
  /** Who comes next. It follows what comes and goes behind it. */
  next: Iterator<string>;
}

interface Entry {
  /** Equal for equal wishes. */
  readonly name: string;
  readonly waiting: Waiting;
  readonly lines: readonly Line[];
}

/**
 * Services that asked and got nothing, by what could help them, so that a freed
 * address wakes those that could use it and no others: of a line of ten thousand as
 * many as there are addresses, and the next one when one of them did not take its own.
 */
export class PendingServices {
  readonly #waiting = new Map<string, Entry>();
  readonly #byAddress = new Map<string, Set<string>>();
  readonly #bySharingKey = new Map<string, Set<string>>();
  readonly #lines = new Map<string, Line>();
  readonly #linesByPool = new Map<string, Set<Line>>();
  readonly #awakeIn = new Map<string, Set<Line>>();
  readonly #poolNames = new WeakMap<Want["pools"], string>();

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
    const names = waiting.wants.map((want) => this.#nameOf(want));
    const name = JSON.stringify([waiting.addresses, names, waiting.sharingKey]);
    if (this.#waiting.get(key)?.name === name) {
      return;
    }
    this.remove(key);
    const lines = waiting.wants.map((want, at) => this.#lineFor(names[at] as string, want));
    this.#waiting.set(key, { name, waiting, lines });
    for (const line of lines) {
      line.waiters.add(key);
    }
    for (const address of waiting.addresses) {
      index(this.#byAddress, address, key);
    }
    if (waiting.sharingKey !== undefined) {
      index(this.#bySharingKey, waiting.sharingKey, key);
    }
  }

  /** The Service no longer waits. */
  remove(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry === undefined) {
      return;
    }
    this.#waiting.delete(key);
    for (const line of entry.lines) {
      line.waiters.delete(key);
      this.#dropIfEmpty(line);
    }
    for (const address of entry.waiting.addresses) {
      unindex(this.#byAddress, address, key);
    }
    unindex(this.#bySharingKey, entry.waiting.sharingKey ?? "", key);
  }

  /** Addresses that somebody asked for by name. */
  askedFor(): Iterable<string> {
    return this.#byAddress.keys();
  }

  /** Those that asked for `address` by name. */
  askingFor(address: string): readonly string[] {
    return [...(this.#byAddress.get(address) ?? [])];
  }

  /** Those that could join holders with this sharing key. */
  sharingAs(key: string): readonly string[] {
    return [...(this.#bySharingKey.get(key) ?? [])];
  }

  /** Whose turn it is when the pool has got an address more: the longest waiting, as many as there is room for. */
  roomIn(pool: string, family: IpFamily, hasRoom: HasRoom): readonly string[] {
    const lines = [...(this.#linesByPool.get(pool) ?? [])];
    return lines
      .filter(({ want }) => want.families.includes(family))
      .flatMap((line) => this.#fromStart(line, hasRoom));
  }

  /** The same when any pool may have got more. */
  roomAnywhere(hasRoom: HasRoom): readonly string[] {
    return [...this.#lines.values()].flatMap((line) => this.#fromStart(line, hasRoom));
  }

  /** Whose turn it is after a Service was looked at, be it that it took what it was woken for or not. */
  lookedAt(key: string, hasRoom: HasRoom): readonly string[] {
    const lines = [...(this.#awakeIn.get(key) ?? [])];
    this.#awakeIn.delete(key);
    for (const line of lines) {
      line.awake.delete(key);
    }
    return lines.flatMap((line) => this.#wake(line, hasRoom));
  }

  #fromStart(line: Line, hasRoom: HasRoom): readonly string[] {
    line.next = line.waiters.values();
    return this.#wake(line, hasRoom);
  }

  #wake(line: Line, hasRoom: HasRoom): readonly string[] {
    const woken: string[] = [];
    while (line.waiters.size > line.awake.size && hasRoom(line.want, line.awake.size)) {
      const { value: key, done } = line.next.next();
      if (done === true) {
        break;
      }
      if (!line.awake.has(key)) {
        line.awake.add(key);
        index(this.#awakeIn, key, line);
        woken.push(key);
      }
    }
    return woken;
  }

  #lineFor(name: string, want: Want): Line {
    const known = this.#lines.get(name);
    if (known !== undefined) {
      return known;
    }
    const waiters = new Set<string>();
    const line: Line = { name, want, waiters, awake: new Set(), next: waiters.values() };
    this.#lines.set(name, line);
    for (const pool of want.pools) {
      index(this.#linesByPool, pool.name, line);
    }
    return line;
  }

  #dropIfEmpty(line: Line): void {
    if (line.waiters.size === 0) {
      this.#lines.delete(line.name);
      for (const pool of line.want.pools) {
        unindex(this.#linesByPool, pool.name, line);
      }
    }
  }

  /** Of a thousand pools the name is made once, as long as it is the same list. */
  #nameOf({ pools, families }: Want): string {
    const names = this.#poolNames.get(pools) ?? JSON.stringify(pools.map(({ name }) => name));
    this.#poolNames.set(pools, names);
    return `${names} ${families.join()}`;
  }
}

function index<T>(by: Map<string, Set<T>>, name: string, item: T): void {
  const items = by.get(name) ?? new Set();
  by.set(name, items.add(item));
}

function unindex<T>(by: Map<string, Set<T>>, name: string, item: T): void {
  const items = by.get(name);
  items?.delete(item);
  if (items?.size === 0) {
    by.delete(name);
  }
}
