import type { NamespaceObject } from "../kube/decode/namespace.ts";
import { decodePod, type PodObject } from "../kube/decode/pod.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import { Reflector } from "../kube/reflector.ts";
import * as resources from "../kube/resources.ts";
import { Store } from "../kube/store.ts";
import type { ApiClient } from "../kube/transport.ts";
import type { WatchedKind } from "../kube/watch-state.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";

export interface ForeignControllersOptions {
  readonly transport: ApiClient;
  /** Where our own Pod is. */
  readonly namespace: string;
  /** Where MetalLB's are, if there are any. */
  readonly configNamespace: string;
  /** With that namespace our right to look into it goes, and so do the Pods in it. */
  readonly namespaces: Pick<Store<NamespaceObject>, "get" | "synced" | "onChange" | "onSynced">;
  readonly podName: string;
  /** Undefined: `kubectl describe` does not show the Events of our Pod, `kubectl get events` does. */
  readonly podUid: string | undefined;
  /** Must write Events also for those who do not lead. */
  readonly events: Pick<EventRecorder, "record">;
  readonly clock: Clock;
  readonly log: Log;
}

/** The labels of the Pods of MetalLB's controller: in its manifests, and in its chart. */
const labelSelectors = [
  "app=metallb,component=controller",
  "app.kubernetes.io/name=metallb,app.kubernetes.io/component=controller",
] as const;

/**
 * MetalLB's controller in the namespace of the configuration. It and we would give out the same
 * addresses and overwrite each other's statuses, whatever classes both serve: the
 * classes of the other one can be changed at any time. So while it is there nobody of us leads.
 */
export class ForeignControllers {
  readonly #options: ForeignControllersOptions;
  readonly #reflectors: readonly Reflector<PodObject>[];
  /** By how they are labelled. */
  readonly stores: readonly Store<PodObject>[];
  readonly watches: readonly WatchedKind[];
  #told: string | undefined;
  /** Aborts when one comes. */
  #appeared = new AbortController();
  #onAbsent: () => void = () => undefined;

  constructor(options: ForeignControllersOptions) {
    this.#options = options;
    const { transport, clock, log, configNamespace } = options;
    const watched = labelSelectors.map((labelSelector) => {
      const store = new Store<PodObject>();
      const reflector = new Reflector<PodObject>({
        ...{ transport, clock, log, store, labelSelector },
        resource: resources.pods,
        project: decodePod,
        namespace: configNamespace,
      });
      return { kind: `Pod ${labelSelector}`, store, reflector };
    });
    this.watches = watched;
    this.stores = watched.map(({ store }) => store);
    this.#reflectors = watched.map(({ reflector }) => reflector);
  }

  /** Names of their Pods, `namespace/name`. */
  get pods(): readonly string[] {
    const running = this.stores.flatMap((store) => [...store.values()].filter((pod) => !pod.ended));
    return [...new Set(running.map(({ key }) => key))].sort();
  }

  /** Why nobody of us leads, with what to do; none: nothing is in the way. */
  get problems(): readonly string[] {
    const { pods } = this;
    const what =
      `MetalLB's controller runs (Pod ${pods.join(", ")}): this controller does not lead, so it ` +
      "gives no address, takes none back and moves none. Stop MetalLB's Deployment, or Steelyard's";
    return pods.length === 0 ? [] : [what];
  }

  /** Watches their Pods until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (const store of this.stores) {
      store.onChange(() => this.#look());
      store.onSynced(() => this.#look());
    }
    const { namespaces } = this.#options;
    namespaces.onChange(() => this.#look());
    namespaces.onSynced(() => this.#look());
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  /**
   * Calls `work` whenever it is known that none of them runs, with a signal that
   * aborts as soon as one does; again and again until `ended` aborts.
   * @throws what `work` throws
   */
  async whileAbsent(
    work: (undisturbed: AbortSignal) => Promise<void>,
    ended: AbortSignal,
  ): Promise<void> {
    while (!ended.aborted) {
      await this.#absence(ended);
      if (!ended.aborted) {
        this.#appeared = new AbortController();
        this.#look();
        await work(AbortSignal.any([ended, this.#appeared.signal]));
      }
    }
  }

  get #areAbsent(): boolean {
    const { namespaces, configNamespace } = this.#options;
    const isGone = namespaces.synced && namespaces.get(configNamespace)?.terminating !== false;
    return (isGone || this.stores.every(({ synced }) => synced)) && this.pods.length === 0;
  }

  async #absence(ended: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onAbsent = resolve;
      ended.addEventListener("abort", () => resolve(), { once: true });
      this.#look();
    });
  }

  #look(): void {
    const [problem] = this.problems;
    if (problem !== this.#told) {
      this.#tell(problem);
    }
    if (problem !== undefined) {
      this.#appeared.abort(new Error("MetalLB's controller runs"));
    } else if (this.#areAbsent) {
      this.#onAbsent();
    }
  }

  #tell(problem: string | undefined): void {
    const { log, events, namespace, podName, podUid } = this.#options;
    this.#told = problem;
    if (problem === undefined) {
      log.info({}, "MetalLB's controller is gone: this controller may lead");
      return;
    }
    log.warn({ reason: "ForeignController" }, problem);
    events.record({
      object: { apiVersion: "v1", kind: "Pod", namespace, name: podName, uid: podUid ?? "" },
      type: "Warning",
      reason: "ForeignController",
      message: problem,
    });
  }
}
