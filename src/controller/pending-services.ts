import type { Service } from "../core/model/service.ts";
import { IntervalSet } from "../core/net/interval-set.ts";
import type { IpFamily } from "../core/net/ip-address.ts";

/** One way in which a pending Service could be served: by an address of each of `families`, from one of `pools`. */
export interface Want {
  readonly pools: readonly { readonly name: string }[];
  readonly families: readonly IpFamily[];
  /** Absent: addresses of its own. Else it could be served beside others that have the sharing key of this Service. */
  readonly sharer?: Service | undefined;
}

/** What a pending Service waits for; any of it may help. */
export interface Waiting {
  /** Certain addresses. */
  readonly addresses: readonly string[];
  readonly wants: readonly Want[];
}

/** How many Services could be served in this way now; beyond `enough` nobody need count. */
export type RoomFor = (want: Want, enough: number) => number;

/**
 * As many of a line are awake at a time: more would only wait elsewhere, and the room for all of
 * them would be counted at each news. Whoever was looked at is followed by the next.
 */
const awakeMax = 32;

/** Services that wait for the same, in the order in which they came. */
interface Line {
  readonly name: string;
  readonly want: Want;
  /** By turn. */
  readonly waiters: Map<bigint, string>;
  /** The turns of those that were not woken, or were looked at since. */
  readonly asleep: IntervalSet;
  /** Those that were woken and have not been looked at yet. */
  readonly awake: Set<string>;
  /** The first turn that has not come since the last news. */
  next: bigint;
}

interface Entry {
  /** Equal for equal wishes. */
  readonly name: string;
  /** Who waits longer has a smaller one. */
  readonly turn: bigint;
  readonly waiting: Waiting;
  readonly lines: readonly Line[];
}

/**
 * Services that asked and got nothing, by what could help them, so that a freed
 * address wakes those that could use it and no others: of a line of ten thousand as
 * many as there are addresses, a few at a time, and the next one when one of them did
 * not take its own.
 */
export class PendingServices {
  readonly #waiting = new Map<string, Entry>();
  readonly #byAddress = new Map<string, Set<string>>();
  readonly #lines = new Map<string, Line>();
  readonly #linesByPool = new Map<string, Set<Line>>();
  readonly #linesBySharingKey = new Map<string, Set<Line>>();
  readonly #awakeIn = new Map<string, Set<Line>>();
  readonly #poolNames = new WeakMap<Want["pools"], string>();
  #lastTurn = 0n;

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
    const name = JSON.stringify([waiting.addresses, names]);
    if (this.#waiting.get(key)?.name === name) {
      return;
    }
    this.remove(key);
    const lines = waiting.wants.map((want, at) => this.#lineFor(names[at] as string, want));
    this.#lastTurn += 1n;
    const turn = this.#lastTurn;
    this.#waiting.set(key, { name, turn, waiting, lines });
    for (const line of lines) {
      line.waiters.set(turn, key);
      line.asleep.add(turn);
    }
    for (const address of waiting.addresses) {
      index(this.#byAddress, address, key);
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
      line.waiters.delete(entry.turn);
      line.asleep.delete(entry.turn);
      this.#dropIfEmpty(line);
    }
    for (const address of entry.waiting.addresses) {
      unindex(this.#byAddress, address, key);
    }
  }

  /** Addresses that somebody asked for by name. */
  askedFor(): Iterable<string> {
    return this.#byAddress.keys();
  }

  /** Those that asked for `address` by name. */
  askingFor(address: string): readonly string[] {
    return [...(this.#byAddress.get(address) ?? [])];
  }

  /** Whose turn it is when others than before hold an address with this sharing key. */
  sharingAs(key: string, roomFor: RoomFor): readonly string[] {
    const lines = [...(this.#linesBySharingKey.get(key) ?? [])];
    return lines.flatMap((line) => this.#fromStart(line, roomFor));
  }

  /** Whose turn it is when the pool has got an address more: the longest waiting, as many as there is room for. */
  roomIn(pool: string, family: IpFamily, roomFor: RoomFor): readonly string[] {
    const lines = [...(this.#linesByPool.get(pool) ?? [])];
    return lines
      .filter(({ want }) => want.families.includes(family))
      .flatMap((line) => this.#fromStart(line, roomFor));
  }

  /** The same when any pool may have got more. */
  roomAnywhere(roomFor: RoomFor): readonly string[] {
    return [...this.#lines.values()].flatMap((line) => this.#fromStart(line, roomFor));
  }

  /** Whose turn it is after a Service was looked at, be it that it took what it was woken for or not. */
  lookedAt(key: string, roomFor: RoomFor): readonly string[] {
    const lines = [...(this.#awakeIn.get(key) ?? [])];
    this.#awakeIn.delete(key);
    const entry = this.#waiting.get(key);
    for (const line of lines) {
      line.awake.delete(key);
      if (entry?.lines.includes(line) === true) {
        line.asleep.add(entry.turn);
      }
    }
    return lines.flatMap((line) => this.#wake(line, roomFor));
  }

  #fromStart(line: Line, roomFor: RoomFor): readonly string[] {
    line.next = 0n;
    return this.#wake(line, roomFor);
  }

  #wake(line: Line, roomFor: RoomFor): readonly string[] {
    let turn = line.asleep.nextMember(line.next);
    const enough = Math.min(awakeMax, line.waiters.size + line.awake.size);
    const room = turn === undefined ? 0 : Math.min(enough, roomFor(line.want, enough));
    const woken: string[] = [];
    while (turn !== undefined && line.awake.size < room) {
      const key = line.waiters.get(turn) as string;
      line.asleep.delete(turn);
      line.awake.add(key);
      index(this.#awakeIn, key, line);
      woken.push(key);
      line.next = turn + 1n;
      turn = line.asleep.nextMember(line.next);
    }
    return woken;
  }

  #lineFor(name: string, want: Want): Line {
    const known = this.#lines.get(name);
    if (known !== undefined) {
      return known;
    }
    const asleep = new IntervalSet();
    const line: Line = { name, want, waiters: new Map(), asleep, awake: new Set(), next: 0n };
    this.#lines.set(name, line);
    for (const pool of poolsThatMatter(want)) {
      index(this.#linesByPool, pool.name, line);
    }
    const sharingKey = want.sharer?.sharing?.key;
    if (sharingKey !== undefined) {
      index(this.#linesBySharingKey, sharingKey, line);
    }
    return line;
  }

  #dropIfEmpty(line: Line): void {
    if (line.waiters.size === 0) {
      this.#lines.delete(line.name);
      for (const pool of poolsThatMatter(line.want)) {
        unindex(this.#linesByPool, pool.name, line);
      }
      unindex(this.#linesBySharingKey, line.want.sharer?.sharing?.key ?? "", line);
    }
  }

  /** Of a thousand pools the name is made once, as long as it is the same list. */
  #nameOf({ pools, families, sharer }: Want): string {
    const names = this.#poolNames.get(pools) ?? JSON.stringify(pools.map(({ name }) => name));
    this.#poolNames.set(pools, names);
    const alike = sharer && JSON.stringify([sharer.namespace, sharer.sharing, sharer.ports]);
    return `${names} ${families.join()} ${alike ?? ""}`;
  }
}

/** Pools whose free addresses could help: of one that is shared already, only where another family comes with it. */
function poolsThatMatter({ pools, families, sharer }: Want): Want["pools"] {
  return sharer === undefined || families.length > 1 ? pools : [];
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
