import type { invariants } from "./invariants.ts";

/** One rule broken on purpose: `from` stands once in the file. */
export interface Mutation {
  readonly rule: string;
  readonly breaks: keyof typeof invariants;
  /** Below `src`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Each of them must make its invariant fail, else that tests nothing. */
export const mutations: readonly Mutation[] = [
  {
    rule: "sharing keys are equal",
    breaks: "A1",
    file: "core/allocation/sharing.ts",
    from: "if (theirs?.key !== mine.key) {",
    to: "if (theirs === undefined) {",
  },
  {
    rule: "ports are disjoint",
    breaks: "A1",
    file: "core/allocation/sharing.ts",
    from: "return a.protocol === b.protocol && a.port === b.port;",
    to: "return a.protocol !== b.protocol && a.port === b.port;",
  },
  {
    rule: "with externalTrafficPolicy Local the same Pods are behind both",
    breaks: "A1",
    file: "core/allocation/sharing.ts",
    from: 'if (theirs.backend !== mine.backend || (mine.backend !== "" && !sameNamespace)) {',
    to: "if (mine === undefined) {",
  },
  {
    rule: "who comes to collide on a shared address leaves it",
    breaks: "A1",
    file: "core/allocation/decide.ts",
    from: "const held = all.filter((address) => refusalToStay(service, address, context) === undefined);",
    to: "const held = all;",
  },
  {
    rule: "an address that somebody holds is not given to one that cannot share",
    breaks: "A1",
    file: "core/allocation/decide.ts",
    from: "  if (occupied !== undefined) {\n    return occupied;\n  }\n",
    to: "",
  },
  {
    rule: "what is held is not free",
    breaks: "A1",
    file: "core/allocation/supply.ts",
    from: "free.set(value, isAllowed && allocation === undefined);",
    to: 'free.set(value, isAllowed && allocation?.state !== "Cooling");',
  },
  {
    rule: "a pool that does not admit the Service gives nothing on request",
    breaks: "A2",
    file: "core/allocation/decide.ts",
    from: "  if (!admits(pool, service, context)) {",
    to: "  if (pool.name === undefined) {",
  },
  {
    rule: "a pool that does not admit the Service gives nothing by itself",
    breaks: "A2",
    file: "core/allocation/pool-index.ts",
    from: "pool.autoAssign && poolAdmitsNamespace(pool, namespace, labels)",
    to: "pool.autoAssign",
  },
  {
    rule: "a pool with autoAssign: false gives nothing by itself",
    breaks: "A2",
    file: "core/allocation/pool-index.ts",
    from: "pool.autoAssign && poolAdmitsNamespace(pool, namespace, labels)",
    to: "poolAdmitsNamespace(pool, namespace, labels)",
  },
  {
    rule: "an address that no pool offers any more is not kept without a word",
    breaks: "A2",
    file: "core/allocation/decide.ts",
    from: 'return context.mayReturn(context.ledger.get(address)?.pool ?? "");',
    to: "return true;",
  },
  {
    rule: "an address of a pool that does not admit the Service any more is not kept without a word",
    breaks: "A2",
    file: "core/allocation/decide.ts",
    from: "    admits(pool, service, context) &&\n    (service.wish.pool === undefined",
    to: "    (service.wish.pool === undefined",
  },
  {
    rule: "what is denied is not given on request",
    breaks: "A2",
    file: "core/allocation/decide.ts",
    from: "  if (denied !== undefined) {",
    to: '  if (denied?.why === "") {',
  },
  {
    rule: "what is denied is not given by itself",
    breaks: "A2",
    file: "core/allocation/deny-list.ts",
    from: "return this.#denied(family)\n      .gapsBetween(first, last)",
    to: "return this.#used\n      .gapsIn({ family, first, last })",
  },
  {
    rule: "addresses that end in .0 or .255 are avoided where the pool says so",
    breaks: "A2",
    file: "core/allocation/supply.ts",
    from: "return family === 4 && pool.avoidBuggyIPs;",
    to: "return family === 6 && pool.avoidBuggyIPs;",
  },
  {
    rule: "of pools that overlap one gives, the others yield",
    breaks: "A2",
    file: "core/allocation/pool-contest.ts",
    from: "this.#pools = this.#dated.map(({ pool }) => this.#without(pool));",
    to: "this.#pools = this.#dated.map(({ pool }) => pool);",
  },
  {
    rule: "of pools that overlap, of which all or none are in use there, the older one gives",
    breaks: "A2",
    file: "core/allocation/pool-contest.ts",
    from: "if (rank(right.name) < rank(left.name)) {",
    to: "if (this.#inUse.has(right.name) && !this.#inUse.has(left.name)) {",
  },
  {
    rule: "nothing is given before networks are known",
    breaks: "A2",
    file: "core/allocation/choose.ts",
    from: "  if (!context.networksKnown) {",
    to: "  if (context.pools.length === 0) {",
  },
  {
    rule: "what one has had since before us is given to nobody else on request",
    breaks: "A2",
    file: "core/allocation/deny-list.ts",
    from: "(isLive ? {",
    to: "(isLive && serviceKey === undefined ? {",
  },
  {
    rule: "what one has had since before us is given to nobody else by itself",
    breaks: "A2",
    file: "core/allocation/deny-list.ts",
    from: "if (this.#claims.has(address) || this.#liveCounts.has(address)) {",
    to: "if (this.#claims.has(address)) {",
  },
  {
    rule: "what one has had since before us is not his own where the cluster itself uses it",
    breaks: "A2",
    file: "core/allocation/deny-list.ts",
    from: "ranges.find(({ isHarmless }) => isHarmless !== true)",
    to: "undefined",
  },
  {
    rule: "of two that show the same, and may not share it, the younger has it not from before us",
    breaks: "A2",
    file: "core/allocation/live-addresses.ts",
    from: "isUnrecorded && (first === service || isFriend)",
    to: "isUnrecorded",
  },
  {
    rule: "what a Service has and may keep, it keeps",
    breaks: "A3",
    file: "core/allocation/decide.ts",
    from: "const good = withShown(service, kept, context);",
    to: "const good = honourStatus(service, context);",
  },
  {
    rule: "pools of equal priority are asked by name",
    breaks: "A4",
    file: "core/model/ip-address-pool.ts",
    from: "return x !== y ? x - y : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;",
    to: "return x !== y ? x - y : 0;",
  },
  {
    rule: "addresses of a Service are told in their order",
    breaks: "A4",
    file: "core/allocation/ledger.ts",
    from: "others.concat(allocation.address).sort(compareIpAddresses)",
    to: "others.concat(allocation.address)",
  },
  {
    rule: "a claim on an address is taken note of when it comes",
    breaks: "A4",
    file: "core/allocation/deny-list.ts",
    from: "      this.#used.delete(address);\n    }\n    this.#tell(address);",
    to: "      this.#used.delete(address);\n    }",
  },
  {
    rule: "what is denied anew is taken note of",
    breaks: "A4",
    file: "core/allocation/supply.ts",
    from: "        this.#stale = true;\n",
    to: "",
  },
  {
    rule: "an address that is held no more plays no part in which pool gives",
    breaks: "A4",
    file: "core/allocation/pool-contest.ts",
    from: "      known?.delete(before.address);\n",
    to: "",
  },
  {
    rule: "counts follow every change",
    breaks: "A4",
    file: "core/allocation/supply.ts",
    from: "      this.#assign(before, -1n);\n",
    to: "",
  },
  {
    rule: "a lower address that gets free is no reason to move",
    breaks: "A5",
    file: "core/allocation/decide.ts",
    from: "  if (missing.length === 0) {\n    return settled(good);\n  }",
    to: "",
  },
  {
    rule: "the first family is kept when the second one comes",
    breaks: "A5",
    file: "core/allocation/decide.ts",
    from: "return settled([...good, ...extra]);",
    to: "return settled(extra.length > 0 ? extra : good);",
  },
  {
    rule: "nobody leads before every store has synced",
    breaks: "A6",
    file: "controller/cluster-stores.ts",
    from: "return awaited.every(({ store }) => store.synced) &&",
    to: "return awaited.some(({ store }) => store.synced) &&",
  },
];
