import {
  type AllocationDecision,
  refusalOf,
  revokeReasonOf,
  targetOf,
} from "../../src/core/allocation/allocation-decision.ts";
import { serviceKey } from "../../src/core/model/service.ts";
import { parseIpAddress } from "../../src/core/net/ip-address.ts";
import { parseIpPrefix } from "../../src/core/net/ip-prefix.ts";
import type { AllocationWorld } from "../core/allocation/allocation-world.ts";
import type { SeededRandom } from "../simulation/seeded-random.ts";
import { readNode, readPolicy, readPool, readService, readSpeaker } from "./allocation-objects.ts";
import type { CommandArguments } from "./command-arguments.ts";

/** Does what a line says, and returns what it prints. */
type Command = (
  world: AllocationWorld,
  args: CommandArguments,
  random: SeededRandom,
) => readonly string[];

/** The commands of scenarios by their names; `runScenario` tells what they mean. */
export const commands: Readonly<Record<string, Command>> = {
  pool: (world, args) => {
    const { object, complaints } = readPool(args);
    if (object !== undefined) {
      world.putPool(object);
    }
    return complaints;
  },
  policy: (world, args) => {
    const { object, complaints } = readPolicy(args);
    networks(world, () => object && world.policies.set(object.name, object));
    return complaints;
  },
  remove,
  spoil: (world, args) =>
    silently(() => {
      args.chosen(args.word("pool"), ["pool"]);
      const name = args.word("NAME");
      world.removePool(name);
      world.unreadablePools.add(name);
    }),
  namespace: (world, args) =>
    silently(() => world.namespaces.set(args.word("NAME"), args.labels(args.words()))),
  node: (world, args) => {
    const node = readNode(args);
    return networks(world, () => world.nodes.set(node.name, node));
  },
  speaker: (world, args) => {
    const speaker = readSpeaker(args);
    return networks(world, () => world.speakers.set(speaker.node, speaker));
  },
  serviceCIDR: (world, args) =>
    networks(world, () => world.serviceCidrs.push(...args.parsedWords(parseIpPrefix))),
  apiserver: (world, args) =>
    networks(world, () => world.apiServers.push(...args.parsedWords(parseIpAddress))),
  lbClass: (world, args) =>
    silently(() => {
      world.loadBalancerClass = args.word("CLASS");
    }),
  speakers: (world, args) =>
    silently(() => {
      const state = args.chosen(args.word("silent or reporting"), ["silent", "reporting"]);
      world.networksKnown = state === "reporting";
    }),
  service: (world, args) => settle(world, declare(world, args)),
  inherited: (world, args) => {
    const key = declare(world, args);
    world.takeOver([...world.services.keys()]);
    return settle(world, key);
  },
  alone: (world, args) => {
    const key = declare(world, args);
    const results = settle(world, key);
    world.putService(key, undefined);
    world.settle(key);
    forgetCooling(world);
    return results;
  },
  declare: (world, args) => silently(() => declare(world, args)),
  delete: (world, args) => settle(world, retire(world, args)),
  retire: (world, args) => silently(() => retire(world, args)),
  settle: settleAll,
  again: (world) => [...world.services.keys()].flatMap((key) => settle(world, key, `${key}: `)),
  cooled: (world, args) =>
    silently(() => {
      const addresses = args.parsedWords(parseIpAddress);
      for (const address of addresses) {
        world.ledger.remove(address);
      }
      if (addresses.length === 0) {
        forgetCooling(world);
      }
    }),
  show,
};

function remove(world: AllocationWorld, args: CommandArguments): readonly string[] {
  const kind = args.chosen(args.word("pool or policy"), ["pool", "policy"]);
  const name = args.word("NAME");
  return kind === "policy"
    ? networks(world, () => world.policies.delete(name))
    : silently(() => world.removePool(name));
}

/** Takes note of a Service; returns its key. */
function declare(world: AllocationWorld, args: CommandArguments): string {
  const service = readService(args, world.loadBalancerClass);
  world.putService(service.key, service);
  return service.key;
}

/** Takes note of the end of a Service; returns its key. */
function retire(world: AllocationWorld, args: CommandArguments): string {
  const key = args.key();
  world.putService(key, undefined);
  return key;
}

/** More passes than this over all Services, and they would go on for ever. */
const passesMax = 10;

/** Decides about all in any order, again and again until nothing changes; what each has then. */
function settleAll(
  world: AllocationWorld,
  args: CommandArguments,
  random: SeededRandom,
): readonly string[] {
  const isQuiet = args.words().map((word) => args.chosen(word, ["quietly"])).length > 0;
  for (let pass = 1; pass <= passesMax; pass += 1) {
    const kinds = random.shuffled(everyKey(world)).map((key) => world.settle(key).kind);
    if (kinds.every((kind) => kind === "keep" || kind === "refuse")) {
      const keys = [...world.services.keys()].sort();
      return [
        ...(isQuiet ? [] : keys.map((key) => outcome(world, key))),
        ...keys.flatMap((key) => unrecorded(world, key)),
      ];
    }
  }
  return [`UNSTABLE: no end after ${passesMax} passes`];
}

/** An address that a Service counts as its own, and that the ledger has as another's. */
function unrecorded(world: AllocationWorld, key: string): readonly string[] {
  const decision = world.decide(key);
  const addresses = targetOf(decision);
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
  const addresses = targetOf(decision).join(", ");
  const reason = refusalOf(decision)?.reason;
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
  const isStable =
    !["grant", "revoke"].includes(second.kind) &&
    targetOf(first).join() === targetOf(second).join();
  const unstable = isStable ? [] : [`UNSTABLE: the next decision is ${describe(second)}`];
  return [`${prefix}${describe(first)}`, ...unstable];
}

function describe(decision: AllocationDecision): string {
  if (decision.kind === "refuse") {
    return `refuse ${decision.reason}: ${decision.message}`;
  }
  const { kind, addresses, refusal } = decision;
  const reason = revokeReasonOf(decision);
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

function networks(world: AllocationWorld, change: () => void): readonly string[] {
  change();
  world.networksChanged();
  return [];
}

function silently(change: () => void): readonly string[] {
  change();
  return [];
}
