import { enumerated } from "../../core/model/enumerated.ts";
import { formatIpRange } from "../../core/net/ip-range.ts";
import { isAlreadyExists } from "../../kube/api-error.ts";
import {
  type ConfigurationStateObject,
  decodeConfigurationState,
} from "../../kube/decode/configuration-state.ts";
import { objectKey } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { NewObject, Writer } from "../../kube/write.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { AllocationState } from "../allocation-state.ts";
import type { ClusterStores } from "../cluster-stores.ts";
import { onConfigurationChange } from "../configuration-changes.ts";
import { whyConfigurationIsGone } from "../definitions.ts";
import {
  type ConfigurationOutcome,
  type ConfigurationReader,
  planConfigurationState,
} from "./configuration-state.ts";
import { writeStatus } from "./write-status.ts";

export interface ConfigurationStatesOptions {
  readonly stores: ClusterStores;
  readonly state: Pick<AllocationState, "contest">;
  readonly configNamespace: string;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Log;
}

const controllerName = "controller";
const speakerPrefix = "speaker-";
/** Of a label's value. */
const labelMax = 63;

/** The key that stands for all objects; no name of one. */
const everything = "/";

/** What concerns all is looked at this late, with what follows meanwhile. */
const lookMs = 1_000;

/**
 * Keeps MetalLB's ConfigurationStates: `controller`, and `speaker-<node>` for each node. Our
 * speakers read no configuration; theirs says what the controller makes of it for them.
 */
export class ConfigurationStates {
  readonly #options: ConfigurationStatesOptions;
  /** Names of ConfigurationStates. */
  readonly queue: WorkQueue;
  /** What is wrong, by who reads it; undefined: to be looked up. */
  #errors: Readonly<Record<ConfigurationReader, readonly string[]>> | undefined;

  constructor(options: ConfigurationStatesOptions) {
    this.#options = options;
    this.queue = new WorkQueue({ clock: options.clock, log: options.log });
  }

  /** Follows the configuration, the nodes and the ConfigurationStates themselves from now on. */
  start(): void {
    const { stores, configNamespace } = this.#options;
    const { configurationStates, nodes, speakers } = stores;
    onConfigurationChange(stores, configNamespace, () => this.#changed());
    const lookAtNode = (key: string): void => this.queue.add(`${speakerPrefix}${key}`);
    nodes.onChange(({ key, before, after }) => {
      if (before?.uid !== after?.uid) {
        lookAtNode(key);
      }
    });
    speakers.onChange(({ key, before, after }) => {
      if ((before?.speaker.report === undefined) !== (after?.speaker.report === undefined)) {
        lookAtNode(key);
      }
    });
    configurationStates.onChange(({ key }) => this.queue.add(key.split("/").at(-1) ?? ""));
    configurationStates.onSynced(() => this.queue.add(everything));
    this.queue.add(everything);
  }

  /** Another pool gives the addresses that several of them name. */
  contestChanged(): void {
    this.#changed();
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.queue.run((name) => this.#report(name), signal);
  }

  #changed(): void {
    this.#errors = undefined;
    this.queue.add(everything, lookMs);
  }

  async #report(name: string): Promise<void> {
    const { stores, configNamespace: namespace } = this.#options;
    if (!stores.configurationStates.synced) {
      // There is no such kind, or not yet.
      return;
    }
    if (name === everything) {
      this.queue.add(controllerName);
      for (const node of stores.nodes.values()) {
        this.queue.add(`${speakerPrefix}${node.key}`);
      }
      return;
    }
    const node = name.startsWith(speakerPrefix) ? name.slice(speakerPrefix.length) : undefined;
    if (node === undefined ? name !== controllerName : stores.nodes.get(node) === undefined) {
      // Not ours, or of a node that is gone: the garbage collector takes it.
      return;
    }
    const key = objectKey(namespace, name);
    const known = stores.configurationStates.get(key) ?? (await this.#create(name, node));
    if (known !== undefined) {
      await this.#write(known, node);
    }
  }

  async #create(
    name: string,
    node: string | undefined,
  ): Promise<ConfigurationStateObject | undefined> {
    const { stores, writer } = this.#options;
    try {
      const raw = await writer.create(resources.configurationStates, this.#newObject(name, node));
      const created = decodeConfigurationState(raw);
      stores.configurationStates.upsertLocal(created);
      return created;
    } catch (error) {
      // The watch will tell of it.
      if (!isAlreadyExists(error)) {
        throw error;
      }
      return undefined;
    }
  }

  #newObject(name: string, node: string | undefined): NewObject {
    const { stores, configNamespace: namespace } = this.#options;
    const type = "metallb.io/component-type";
    if (node === undefined) {
      return { metadata: { name, namespace, labels: { [type]: "controller" } } };
    }
    const uid = stores.nodes.get(node)?.uid ?? "";
    return {
      metadata: {
        name,
        namespace,
        labels: {
          [type]: "speaker",
          ...(node.length > labelMax ? {} : { "metallb.io/node-name": node }),
        },
        ownerReferences: [{ apiVersion: "v1", kind: "Node", name: node, uid }],
      },
    };
  }

  async #write(known: ConfigurationStateObject, node: string | undefined): Promise<void> {
    const { stores, writer, clock, configNamespace: namespace } = this.#options;
    const reader = node === undefined ? "controller" : "speaker";
    const status = planConfigurationState(known, reader, this.#outcome(node), clock.wallTime());
    if (status === undefined) {
      return;
    }
    const raw = await writeStatus(writer, resources.configurationStates, known, status, namespace);
    if (raw !== undefined) {
      stores.configurationStates.upsertLocal(decodeConfigurationState(raw));
    }
  }

  #outcome(node: string | undefined): ConfigurationOutcome {
    const { stores, configNamespace } = this.#options;
    if (node !== undefined && stores.speakers.get(node)?.speaker.report === undefined) {
      return { kind: "unread" };
    }
    const why = whyConfigurationIsGone(stores, configNamespace);
    this.#errors ??= this.#findErrors();
    const { controller, speaker } = this.#errors;
    return why === undefined
      ? { kind: "read", errors: node === undefined ? controller : speaker }
      : { kind: "gone", why };
  }

  #findErrors(): Readonly<Record<ConfigurationReader, readonly string[]>> {
    const { pools, advertisements, policies } = this.#options.stores;
    const said = (
      kind: string,
      objects: Iterable<{ readonly name: string; readonly errors: readonly string[] }>,
    ): readonly string[] =>
      [...objects]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .flatMap(({ name, errors }) => errors.map((error) => `${kind} ${name}: ${error}`));
    const ofPools = [...said("IPAddressPool", pools.values()), ...this.#overlaps()];
    return {
      controller: [...ofPools, ...said("AddressPolicy", policies.values())],
      speaker: [...ofPools, ...said("L2Advertisement", advertisements.values())],
    };
  }

  #overlaps(): readonly string[] {
    const { contest } = this.#options.state;
    return contest.pools.flatMap(({ name }) =>
      contest.yieldedBy(name).map(({ to, ranges }) => {
        const texts = enumerated(ranges.map(formatIpRange));
        return `IPAddressPool ${name}: ${texts} overlaps with IPAddressPool ${to}, which gives it`;
      }),
    );
  }
}
