import type { AllocationDecision } from "../../src/core/allocation/decide.ts";
import { serviceKey } from "../../src/core/model/service.ts";
import { parseIpAddress } from "../../src/core/net/ip-address.ts";
import { parseIpPrefix } from "../../src/core/net/ip-prefix.ts";
import { decodeAddressPolicy } from "../../src/kube/decode/address-policy.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import { decodeService } from "../../src/kube/decode/service.ts";
import { AllocationWorld } from "../core/allocation/allocation-world.ts";
import { SeededRandom } from "../simulation/seeded-random.ts";

/** The words behind a command: `name=value` pairs, and plain words. A value with blanks is quoted. */
interface Arguments {
  readonly words: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/**
 * Runs a scenario: each line is a command, each `>` line below it is what the
 * command printed. Returns the text with those lines as they come out now.
 * `seed` gives the order of what has none; the outcome must be the same with any.
 *
 * - `pool NAME RANGES… [autoAssign=…] [avoidBuggyIPs=…] [priority=…] [namespaces=a,b]
 *   [namespaceSelector=k:v] [serviceSelector=k:v]`; `remove pool NAME`; `spoil pool NAME`
 * - `policy NAME [pools=a,b] [selector=k:v] [profile=…] [exclude=…] [delay=SECONDS] [sharing=…]`;
 *   `remove policy NAME`
 * - `namespace NAME k:v…`; `node NAME ADDRESSES… [podCIDR=…]`; `speaker NODE PREFIXES… [gateway=…]`
 * - `serviceCIDR PREFIX`; `apiserver ADDRESS`; `speakers silent | reporting`; `lbClass CLASS`
 * - `service NS/NAME [ip=…] [ANNOTATION=…] [label=k:v] [type=…] [class=…] [families=4,6]
 *   [policy=…] [ports=TCP/80,…] [local=k:v] [externalIP=…] [status=…] [hostname=…]` decides;
 *   `delete NS/NAME` too; `again` decides about all. `local`: externalTrafficPolicy Local, with this selector
 * - `alone NS/NAME …`: as `service`, which is gone and forgotten again afterwards. A block of these
 *   runs in any order
 * - `declare NS/NAME …`, `retire NS/NAME`: as `service` and `delete`, but nothing is decided yet
 * - `settle` decides about all in any order until nothing changes, and prints what each has then;
 *   `settle quietly` where that hangs on the order
 * - `cooled [ADDRESS…]`: their reuse delay is over, or everybody's; `show` prints the ledger
 */
export function runScenario(text: string, seed = 1): string {
  const random = new SeededRandom(seed);
  const world = new AllocationWorld();
  const lines = text.split("\n").filter((line) => !line.startsWith(">"));
  const results = lines.map((): readonly string[] => []);
  for (const block of blocks(lines)) {
    for (const index of block.length > 1 ? shuffled(block, random) : block) {
      results[index] = run(world, lines[index] ?? "", random);
    }
  }
  return lines
    .flatMap((line, index) => [line, ...(results[index] ?? []).map((result) => `> ${result}`)])
    .join("\n");
}

/** True if chance plays a part in what the text says. */
export function hasAnyOrder(text: string): boolean {
  return /^(alone|settle)\b/m.test(text);
}

/** The lines one by one, and those of each block of `alone` together, by their indexes. */
function blocks(lines: readonly string[]): readonly (readonly number[])[] {
  const found: number[][] = [];
  let isOpen = false;
  for (const [index, line] of lines.entries()) {
    const isAlone = line.startsWith("alone ");
    const block = isAlone && isOpen ? found.at(-1) : undefined;
    if (block === undefined) {
      found.push([index]);
    } else {
      block.push(index);
    }
    isOpen = isAlone || (isOpen && line.startsWith("#"));
  }
  return found;
}

function shuffled<T>(items: readonly T[], random: SeededRandom): readonly T[] {
  return items
    .map((item) => ({ item, rank: random.next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

type Command = (world: AllocationWorld, args: Arguments, random: SeededRandom) => readonly string[];

const commands: Readonly<Record<string, Command>> = {
  pool: putPool,
  policy: putPolicy,
  remove: (world, { words: [kind, name = ""] }) =>
    kind === "policy"
      ? networks(world, () => world.policies.delete(name))
      : silently(() => world.removePool(name)),
  spoil: (world, { words: [, name = ""] }) =>
    silently(() => {
      world.removePool(name);
      world.unreadablePools.add(name);
    }),
  namespace: (world, { words: [name = "", ...labels] }) =>
    silently(() => world.namespaces.set(name, toLabels(labels))),
  node: putNode,
  speaker: putSpeaker,
  serviceCIDR: (world, { words }) =>
    networks(world, () => world.serviceCidrs.push(...words.flatMap((w) => parseIpPrefix(w) ?? []))),
  apiserver: (world, { words }) =>
    networks(world, () => world.apiServers.push(...words.flatMap((w) => parseIpAddress(w) ?? []))),
  lbClass: (world, { words: [name = ""] }) =>
    silently(() => {
      world.loadBalancerClass = name;
    }),
  speakers: (world, { words: [state] }) =>
    silently(() => {
      world.networksKnown = state === "reporting";
    }),
  service: putService,
  alone: (world, args) => {
    const results = putService(world, args);
    const [key = ""] = args.words;
    world.putService(key, undefined);
    world.settle(key);
    forgetCooling(world);
    return results;
  },
  declare: (world, args) => silently(() => declare(world, args)),
  delete: (world, { words: [key = ""] }) => {
    world.putService(key, undefined);
    return settle(world, key);
  },
  retire: (world, { words: [key = ""] }) => silently(() => world.putService(key, undefined)),
  settle: settleAll,
  again: (world) => [...world.services.keys()].flatMap((key) => settle(world, key, `${key}: `)),
  cooled: (world, { words }) =>
    silently(() => {
      for (const address of words.flatMap((word) => parseIpAddress(word) ?? [])) {
        world.ledger.remove(address);
      }
      if (words.length === 0) {
        forgetCooling(world);
      }
    }),
  show,
};

function run(world: AllocationWorld, line: string, random: SeededRandom): readonly string[] {
  const [name, ...tokens] = line.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  if (name === undefined || name.startsWith("#")) {
    return [];
  }
  const command = commands[name];
  if (command === undefined) {
    throw new Error(`"${name}" is no command of scenarios: ${line}`);
  }
  return command(world, toArguments(tokens), random);
}

function toArguments(tokens: readonly string[]): Arguments {
  const words: string[] = [];
  const values = new Map<string, readonly string[]>();
  for (const token of tokens) {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(token) ?? [];
    if (name === undefined || value === undefined) {
      words.push(token);
    } else {
      values.set(name, [...(values.get(name) ?? []), value.replaceAll('"', "")]);
    }
  }
  return { words, values };
}

function putPool(world: AllocationWorld, { words: [name = "", ...addresses], values }: Arguments) {
  const one = (key: string): string | undefined => values.get(key)?.[0];
  const list = (key: string): readonly string[] =>
    (values.get(key) ?? []).flatMap((value) => value.split(","));
  const selectors = (key: string): readonly object[] =>
    (values.get(key) ?? []).map((value) => ({ matchLabels: toLabels(value.split(",")) }));
  const pinned = ["priority", "namespaces", "namespaceSelector", "serviceSelector"];
  const { pool, errors, warnings } = decodeIpAddressPool({
    metadata: { name },
    spec: {
      addresses,
      autoAssign: one("autoAssign") !== "false",
      avoidBuggyIPs: one("avoidBuggyIPs") === "true",
      ...(pinned.some((key) => values.has(key))
        ? {
            serviceAllocation: {
              priority: Number(one("priority") ?? 0),
              namespaces: list("namespaces"),
              namespaceSelectors: selectors("namespaceSelector"),
              serviceSelectors: selectors("serviceSelector"),
            },
          }
        : {}),
    },
  });
  if (pool !== undefined) {
    world.putPool(pool);
  }
  return [...errors, ...warnings];
}

function putPolicy(world: AllocationWorld, { words: [name = ""], values }: Arguments) {
  const one = (key: string): string | undefined => values.get(key)?.[0];
  const list = (key: string): readonly string[] =>
    (values.get(key) ?? []).flatMap((value) => value.split(","));
  const delay = one("delay");
  const { policy, errors } = decodeAddressPolicy({
    metadata: { name },
    spec: {
      ipAddressPools: list("pools"),
      ipAddressPoolSelectors: list("selector").map((pair) => ({ matchLabels: toLabels([pair]) })),
      profile: one("profile"),
      excludedAddresses: list("exclude"),
      reuseDelaySeconds: delay === undefined ? undefined : Number(delay),
      sharingScope: one("sharing"),
    },
  });
  const changed = networks(world, () => policy && world.policies.set(name, policy));
  return [...errors, ...changed];
}

function putNode(world: AllocationWorld, { words: [name = "", ...texts], values }: Arguments) {
  const { node } = decodeNode({
    metadata: { name },
    spec: { podCIDRs: values.get("podCIDR") ?? [] },
    status: { addresses: texts.map((address) => ({ type: "InternalIP", address })) },
  });
  return networks(world, () => world.nodes.set(name, node));
}

function putSpeaker(world: AllocationWorld, { words: [node = "", ...texts], values }: Arguments) {
  const nic = { name: "eth0", mac: undefined, carrier: true, usable: true };
  const prefixes = texts.flatMap((text) => parseIpPrefix(text) ?? []);
  const gateways = (values.get("gateway") ?? []).flatMap((text) => parseIpAddress(text) ?? []);
  const report = {
    interfaces: [{ ...nic, prefixes }],
    defaultGateways: gateways,
    highestTerm: 0,
    ignoredBundles: [],
    applied: { allocations: 0n, bundles: 0n },
    failures: [],
  };
  return networks(world, () => world.speakers.set(node, { node, report }));
}

const primaryIPs: Readonly<Record<string, string>> = { "4": "10.96.0.9", "6": "fd00:96::9" };

function putService(world: AllocationWorld, args: Arguments): readonly string[] {
  return settle(world, declare(world, args));
}

/** Takes note of a Service; returns its key. */
function declare(world: AllocationWorld, { words: [key = ""], values }: Arguments): string {
  const [namespace = "", name = ""] = key.split("/");
  const one = (field: string): string | undefined => values.get(field)?.[0];
  const families = (one("families") ?? "4").split(",").filter((family) => family !== "");
  const { service } = decodeService(
    {
      metadata: {
        namespace,
        name,
        uid: `uid-${key}`,
        labels: toLabels(values.get("label") ?? []),
        annotations: Object.fromEntries(
          [...values].filter(([field]) => field.startsWith("metallb")).map(([k, v]) => [k, v[0]]),
        ),
      },
      spec: {
        type: one("type") ?? "LoadBalancer",
        loadBalancerClass: one("class"),
        loadBalancerIP: one("ip"),
        clusterIPs: families.map((family) => primaryIPs[family]),
        ipFamilyPolicy: one("policy") ?? "SingleStack",
        externalIPs: values.get("externalIP") ?? [],
        ports: toPorts(one("ports") ?? "TCP/80"),
        ...(values.has("local")
          ? { externalTrafficPolicy: "Local", selector: toLabels((one("local") ?? "").split(",")) }
          : { externalTrafficPolicy: "Cluster", selector: { app: name } }),
      },
      status: {
        loadBalancer: {
          ingress: [
            ...(values.get("hostname") ?? []).map((hostname) => ({ hostname })),
            ...(values.get("status") ?? []).map((ip) => ({ ip })),
          ],
        },
      },
    },
    world.loadBalancerClass,
  );
  world.putService(serviceKey(service), service);
  return key;
}

function toPorts(text: string): readonly object[] {
  return text.split(",").map((item) => {
    const [protocol, port] = item.split("/");
    return { protocol, port: Number(port) };
  });
}

/** More passes than this over all Services, and they would go on for ever. */
const passesMax = 10;

/** Decides about all in any order, again and again until nothing changes; what each has then. */
function settleAll(
  world: AllocationWorld,
  { words: [how] }: Arguments,
  random: SeededRandom,
): readonly string[] {
  for (let pass = 1; pass <= passesMax; pass += 1) {
    const kinds = shuffled(everyKey(world), random).map((key) => world.settle(key).kind);
    if (kinds.every((kind) => kind === "keep" || kind === "refuse")) {
      const keys = [...world.services.keys()].sort();
      return [
        ...(how === "quietly" ? [] : keys.map((key) => outcome(world, key))),
        ...keys.flatMap((key) => unrecorded(world, key)),
      ];
    }
  }
  return [`UNSTABLE: no end after ${passesMax} passes`];
}

/** An address that a Service counts as its own, and that the ledger has as another's. */
function unrecorded(world: AllocationWorld, key: string): readonly string[] {
  const decision = world.decide(key);
  const addresses = "addresses" in decision ? decision.addresses : [];
  return addresses
    .filter((address) => !world.ledger.get(address)?.holders.some((it) => serviceKey(it) === key))
    .map((address) => `UNSTABLE: ${key} counts on ${address}, which is another's`);
}

/** Those that exist, and those that are gone and hold something. */
function everyKey(world: AllocationWorld): readonly string[] {
  const holders = [...world.ledger.allocations()]
    .filter(({ state }) => state === "Allocated")
    .flatMap(({ holders }) => holders.map(serviceKey));
  return [...new Set([...world.services.keys(), ...holders])].sort();
}

function outcome(world: AllocationWorld, key: string): string {
  const decision = world.decide(key);
  const addresses = "addresses" in decision ? decision.addresses.join(", ") : "";
  const reason = decision.kind === "refuse" ? decision.reason : decision.refusal?.reason;
  const has = addresses === "" ? "nothing" : addresses;
  return `${key}: ${has}${reason === undefined ? "" : `, ${reason}`}`;
}

function forgetCooling(world: AllocationWorld): void {
  for (const { address, state } of [...world.ledger.allocations()]) {
    if (state === "Cooling") {
      world.ledger.remove(address);
    }
  }
}

/** Decides, carries out, and decides again: then nothing may change. */
function settle(world: AllocationWorld, key: string, prefix = ""): readonly string[] {
  const first = world.settle(key);
  const second = world.decide(key);
  const target = (it: AllocationDecision): string =>
    "addresses" in it ? it.addresses.join(", ") : "";
  const isStable = !["grant", "revoke"].includes(second.kind) && target(first) === target(second);
  const unstable = isStable ? [] : [`UNSTABLE: the next decision is ${describe(second)}`];
  return [`${prefix}${describe(first)}`, ...unstable];
}

function describe(decision: AllocationDecision): string {
  if (decision.kind === "refuse") {
    return `refuse ${decision.reason}: ${decision.message}`;
  }
  const { kind, addresses, refusal } = decision;
  const loses = decision.kind === "revoke" ? decision.reason : undefined;
  const reason = loses ?? (decision.kind === "grant" ? decision.revoked : undefined);
  return [
    kind,
    ...(addresses.length === 0 ? ["nothing"] : [addresses.join(", ")]),
    ...(reason === undefined ? [] : [`(others lost: ${reason})`]),
    ...(refusal === undefined ? [] : [`but ${refusal.reason}: ${refusal.message}`]),
  ].join(" ");
}

function show(world: AllocationWorld): readonly string[] {
  return [...world.ledger.allocations()]
    .map(({ address, state, holders }) => `${address} ${state} ${holders.map(serviceKey).join()}`)
    .sort();
}

function toLabels(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs.map((pair) => pair.split(":") as [string, string]));
}

function networks(world: AllocationWorld, change: () => void): readonly string[] {
  change();
  world.networksChanged();
  return [];
}

function silently(change: () => void): readonly string[] {
  change();
  return [];
}
