import type { AllocationDecision } from "../../src/core/allocation/decide.ts";
import { serviceKey } from "../../src/core/model/service.ts";
import { parseIpAddress } from "../../src/core/net/ip-address.ts";
import { parseIpPrefix } from "../../src/core/net/ip-prefix.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import { decodeService } from "../../src/kube/decode/service.ts";
import { AllocationWorld } from "../core/allocation/allocation-world.ts";

/** The words behind a command: `name=value` pairs, and plain words. A value with blanks is quoted. */
interface Arguments {
  readonly words: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/**
 * Runs a scenario: each line is a command, each `>` line below it is what the
 * command printed. Returns the text with those lines as they come out now.
 *
 * - `pool NAME RANGES… [autoAssign=…] [avoidBuggyIPs=…] [priority=…] [namespaces=a,b]
 *   [namespaceSelector=k:v] [serviceSelector=k:v]`; `remove pool NAME`; `spoil pool NAME`
 * - `namespace NAME k:v…`; `node NAME ADDRESSES… [podCIDR=…]`; `speaker NODE PREFIXES… [gateway=…]`
 * - `serviceCIDR PREFIX`; `apiserver ADDRESS`; `speakers silent | reporting`
 * - `service NS/NAME [ip=…] [ANNOTATION=…] [label=k:v] [type=…] [class=…] [families=4,6]
 *   [policy=…] [externalIP=…] [status=…]` decides; `delete NS/NAME` too; `again` decides about all
 * - `cooled ADDRESS`: its reuse delay is over; `show` prints the ledger
 */
export function runScenario(text: string): string {
  const world = new AllocationWorld();
  const output: string[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith(">")) {
      output.push(line);
      output.push(...run(world, line).map((result) => `> ${result}`));
    }
  }
  return output.join("\n");
}

type Command = (world: AllocationWorld, args: Arguments) => readonly string[];

const commands: Readonly<Record<string, Command>> = {
  pool: putPool,
  remove: (world, { words: [, name = ""] }) => silently(() => world.removePool(name)),
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
  speakers: (world, { words: [state] }) =>
    silently(() => {
      world.networksKnown = state === "reporting";
    }),
  service: putService,
  delete: (world, { words: [key = ""] }) => {
    world.putService(key, undefined);
    return settle(world, key);
  },
  again: (world) => [...world.services.keys()].flatMap((key) => settle(world, key, `${key}: `)),
  cooled: (world, { words }) =>
    silently(() => {
      for (const address of words.flatMap((word) => parseIpAddress(word) ?? [])) {
        world.ledger.remove(address);
      }
    }),
  show,
};

function run(world: AllocationWorld, line: string): readonly string[] {
  const [name, ...tokens] = line.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  if (name === undefined || name.startsWith("#")) {
    return [];
  }
  const command = commands[name];
  if (command === undefined) {
    throw new Error(`"${name}" is no command of scenarios: ${line}`);
  }
  return command(world, toArguments(tokens));
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

function putService(world: AllocationWorld, { words: [key = ""], values }: Arguments) {
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
        ports: [{ protocol: "TCP", port: 80 }],
      },
      status: { loadBalancer: { ingress: (values.get("status") ?? []).map((ip) => ({ ip })) } },
    },
    "",
  );
  world.putService(serviceKey(service), service);
  return settle(world, key);
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
