import { enumerated } from "../../core/model/enumerated.ts";
import { isDeath, type Reason } from "../../core/model/reason.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { ClusterStores } from "../cluster-stores.ts";
import type { Placement } from "../placement.ts";
import type { SpeakerLiveness } from "../speaker-liveness.ts";

export interface NodeDeathsOptions {
  readonly stores: Pick<ClusterStores, "nodes" | "bundles">;
  readonly placement: Pick<Placement, "addressesOf">;
  readonly liveness: Pick<SpeakerLiveness, "verdict" | "onVerdict">;
  readonly events: Pick<EventRecorder, "record">;
  readonly clock: Clock;
  readonly log: Log;
}

/** From the death of a node to its Event: its bundles are written meanwhile. */
const gatherMs = 2_000;
/** More heirs than this are counted only. */
const namedHeirsMax = 5;

/**
 * Tells of the death of a node in one Event on the Node, with what became of all its addresses:
 * thousands of Services have nothing to say about it that this does not.
 */
export class NodeDeaths {
  readonly #options: NodeDeathsOptions;
  readonly #queue: WorkQueue;
  /** How many addresses went from a dead node to which others, since the last Event. */
  readonly #heirs = new Map<string, Map<string, number>>();
  readonly #reasons = new Map<string, Reason>();
  /** Dead nodes that were told of. */
  readonly #told = new Set<string>();

  constructor(options: NodeDeathsOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new WorkQueue({ clock, log, keyField: "node" });
  }

  /** Follows the speakers and the bundles from now on. */
  start(): void {
    const { stores, placement, liveness } = this.#options;
    // Of those that are dead already the leader before told, or what becomes of their bundles will.
    this.#newlyDead();
    liveness.onVerdict(() => {
      for (const node of this.#newlyDead()) {
        this.#queue.add(node, gatherMs);
      }
    });
    stores.bundles.onChange(({ key, before, after }) => {
      const moved = after?.bundle.moved;
      const from = before?.bundle.owner.node;
      if (moved !== undefined && moved.from === from && isDeath(moved.reason)) {
        const to = after?.bundle.owner.node ?? "";
        const count = [...placement.addressesOf(key)].length;
        const heirs = this.#heirs.get(from) ?? new Map<string, number>();
        this.#heirs.set(from, heirs.set(to, (heirs.get(to) ?? 0) + count));
        this.#reasons.set(from, moved.reason);
        this.#queue.add(from, gatherMs);
      }
    });
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run(async (node) => this.#tell(node), signal);
  }

  #newlyDead(): readonly string[] {
    const { stores, liveness } = this.#options;
    const dead = [...stores.nodes.values()]
      .map(({ key }) => key)
      .filter((node) => liveness.verdict(node) === "dead");
    const newly = dead.filter((node) => !this.#told.has(node));
    this.#told.clear();
    for (const node of dead) {
      this.#told.add(node);
    }
    return newly;
  }

  #tell(name: string): void {
    const { stores, events, log } = this.#options;
    const node = stores.nodes.get(name)?.node;
    const heirs = [...(this.#heirs.get(name) ?? [])].filter(([, count]) => count > 0);
    const isOut = node?.departure === "NodeOutOfService";
    const reason = this.#reasons.get(name) ?? (isOut ? "NodeOutOfService" : "SpeakerSilent");
    this.#heirs.delete(name);
    this.#reasons.delete(name);
    if (node === undefined) {
      return;
    }
    const message = `${whatHappened(reason)}: ${sentenceOn(heirs, this.#left(name))}`;
    log.debug({ node: name, reason }, message);
    const object = { apiVersion: "v1", kind: "Node", name, uid: node.uid };
    events.record({ object, type: "Warning", reason, message });
  }

  /** How many addresses are still the node's. */
  #left(node: string): number {
    const { stores, placement } = this.#options;
    return [...stores.bundles.values()]
      .filter(({ bundle }) => bundle.owner.node === node)
      .reduce((sum, { key }) => sum + [...placement.addressesOf(key)].length, 0);
  }
}

function whatHappened(reason: Reason): string {
  return reason === "NodeOutOfService"
    ? "the node is out of service"
    : "the node's speaker was not heard of for 6 s";
}

function sentenceOn(heirs: readonly (readonly [string, number])[], left: number): string {
  const moved = heirs.reduce((sum, [, count]) => sum + count, 0);
  const byNode = [...heirs].sort(([a], [b]) => (a < b ? -1 : 1));
  const names = enumerated(
    byNode.map(([node, count]) => `${node} (${count})`),
    ", ",
    namedHeirsMax,
  );
  const parts = [
    ...(moved > 0 ? [`${addresses(moved)} moved to ${names}`] : []),
    ...(left > 0
      ? [
          `${addresses(left)} ${left === 1 ? "stays" : "stay"} with it until another node can take over`,
        ]
      : []),
  ];
  return parts.length === 0 ? "it announced nothing" : parts.join("; ");
}

function addresses(count: number): string {
  return count === 1 ? "1 address" : `${count} addresses`;
}
