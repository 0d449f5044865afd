import {
  type IpAddressPool,
  isBuggyNumber,
  poolAdmitsLabels,
  poolAdmitsNamespace,
} from "../model/ip-address-pool.ts";
import type { Labels } from "../model/label-selector.ts";
import type { Service } from "../model/service.ts";
import { AddressSet } from "../net/address-set.ts";
import { IntervalIndex } from "../net/interval-index.ts";
import { familyOf, type IpAddress, type IpFamily, toNumber } from "../net/ip-address.ts";
import type { IpRange } from "../net/ip-range.ts";

/** A part of one range of a pool; no two parts of a pool have an address in common. */
export interface PoolPart extends IpRange {
  readonly pool: IpAddressPool;
}

/** Who of a namespace may use which pools on its own. */
interface NamespaceView {
  /** Pools for every Service of the namespace. */
  readonly open: readonly IpAddressPool[];
  /** Pools that choose Services: by a label that these must have, or in the last list. */
  readonly byLabel: ReadonlyMap<string, readonly IpAddressPool[]>;
  readonly unlabelled: readonly IpAddressPool[];
  /** Answers given before, so that equal ones are the same list. */
  readonly answers: Map<string, readonly IpAddressPool[]>;
}

/** More answers than a cluster has namespaces are about such as somebody made up: then it starts over. */
const answersMax = 16_384;

const indexes = new WeakMap<readonly IpAddressPool[], PoolIndex>();
const partsOfPools = new WeakMap<IpAddressPool, readonly PoolPart[]>();

/** The index of `pools`, made once for each list. */
export function poolIndexOf(pools: readonly IpAddressPool[]): PoolIndex {
  const known = indexes.get(pools) ?? new PoolIndex(pools);
  indexes.set(pools, known);
  return known;
}

/** The parts of the pool in the order written, each address in the first range that names it; made once for each pool. */
export function partsOf(pool: IpAddressPool): readonly PoolPart[] {
  const known = partsOfPools.get(pool) ?? makeParts(pool);
  partsOfPools.set(pool, known);
  return known;
}

/** Answers what would else be asked of each of very many pools. */
export class PoolIndex {
  readonly #pools: readonly IpAddressPool[];
  readonly #byName: ReadonlyMap<string, IpAddressPool>;
  readonly #parts: Readonly<Record<IpFamily, IntervalIndex<PoolPart>>>;
  /** One for all namespaces that the same pools admit. */
  readonly #views = new Map<string, NamespaceView>();
  /** The last view by the labels of a Namespace: with the Namespace it goes. */
  #viewsOf = new WeakMap<Labels, { readonly namespace: string; readonly view: NamespaceView }>();
  #answers = 0;

  /** `pools` in the order in which they are asked. */
  constructor(pools: readonly IpAddressPool[]) {
    this.#pools = pools;
    this.#byName = new Map(pools.map((pool) => [pool.name, pool]));
    const parts = pools.flatMap(partsOf);
    this.#parts = {
      4: new IntervalIndex(parts.filter(({ family }) => family === 4)),
      6: new IntervalIndex(parts.filter(({ family }) => family === 6)),
    };
  }

  /** The pool of that name. */
  named(name: string): IpAddressPool | undefined {
    return this.#byName.get(name);
  }

  /** The pools that give out `address`, in order: see `poolOffers`. */
  offering(address: IpAddress): readonly IpAddressPool[] {
    return this.partsWith(familyOf(address), toNumber(address)).map(({ pool }) => pool);
  }

  /** The parts of pools that give out the address of that number, in the order of the pools. */
  partsWith(family: IpFamily, value: bigint): readonly PoolPart[] {
    const parts = this.#parts[family].at(value);
    const avoided = family === 4 && parts.some(({ pool }) => pool.avoidBuggyIPs);
    return avoided && isBuggyNumber(value)
      ? parts.filter(({ pool }) => !pool.avoidBuggyIPs)
      : parts;
  }

  /**
   * The pools that admit the Service and give addresses without being named, in order. The same
   * pools are the same list, but for once in very many questions.
   */
  automatic(
    service: Pick<Service, "namespace" | "labels">,
    namespaceLabels: Labels,
  ): readonly IpAddressPool[] {
    const view = this.#viewOf(service.namespace, namespaceLabels);
    const asked = [
      ...view.unlabelled,
      ...Object.entries(service.labels).flatMap(
        ([key, value]) => view.byLabel.get(labelText(key, value)) ?? [],
      ),
    ];
    const chosen = asked.filter((pool) => poolAdmitsLabels(pool, service.labels));
    return chosen.length === 0 ? view.open : this.#together(view, new Set(chosen));
  }

  #together(view: NamespaceView, chosen: ReadonlySet<IpAddressPool>): readonly IpAddressPool[] {
    const name = JSON.stringify([...chosen].map((pool) => pool.name).sort());
    const known = view.answers.get(name);
    if (known !== undefined) {
      return known;
    }
    const open = new Set(view.open);
    const answer = this.#pools.filter((pool) => open.has(pool) || chosen.has(pool));
    this.#count();
    view.answers.set(name, answer);
    return answer;
  }

  #count(): void {
    this.#answers += 1;
    if (this.#answers > answersMax) {
      this.#answers = 1;
      this.#views.clear();
      this.#viewsOf = new WeakMap();
    }
  }

  #viewOf(namespace: string, labels: Labels): NamespaceView {
    const known = this.#viewsOf.get(labels);
    if (known?.namespace === namespace) {
      return known.view;
    }
    const admitting = this.#pools.filter(
      (pool) => pool.autoAssign && poolAdmitsNamespace(pool, namespace, labels),
    );
    const view = this.#viewOn(admitting);
    this.#viewsOf.set(labels, { namespace, view });
    return view;
  }

  #viewOn(admitting: readonly IpAddressPool[]): NamespaceView {
    const name = JSON.stringify(admitting.map((pool) => pool.name));
    const known = this.#views.get(name);
    if (known !== undefined) {
      return known;
    }
    this.#count();
    const view = { ...viewOf(admitting), answers: new Map() };
    this.#views.set(name, view);
    return view;
  }
}

function viewOf(
  pools: readonly IpAddressPool[],
): Pick<NamespaceView, "open" | "byLabel" | "unlabelled"> {
  const open: IpAddressPool[] = [];
  const byLabel = new Map<string, IpAddressPool[]>();
  const unlabelled: IpAddressPool[] = [];
  for (const pool of pools) {
    const selectors = pool.serviceAllocation?.serviceSelectors ?? [];
    const needed = selectors.map(({ requirements }) =>
      requirements.find(({ operator }) => operator === "In"),
    );
    if (selectors.length === 0) {
      open.push(pool);
    } else if (needed.includes(undefined)) {
      unlabelled.push(pool);
    } else {
      for (const text of new Set(
        needed.flatMap((one) => one?.values.map((value) => labelText(one.key, value)) ?? []),
      )) {
        byLabel.set(text, [...(byLabel.get(text) ?? []), pool]);
      }
    }
  }
  return { open, byLabel, unlabelled };
}

/** No label has a `=` in it. */
function labelText(key: string, value: string): string {
  return `${key}=${value}`;
}

function makeParts(pool: IpAddressPool): readonly PoolPart[] {
  const named = new AddressSet();
  return pool.ranges.flatMap((range) => {
    const parts = named.gapsIn(range);
    named.addRange(range);
    return parts.map((part) => ({ ...part, family: range.family, pool }));
  });
}
