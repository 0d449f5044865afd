import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { ApiError, apiErrorFrom, isGone, isNotFound } from "./api-error.ts";
import { Backoff } from "./backoff.ts";
import { objectKey, type Resource, resourcePath } from "./resource.ts";
import { compareResourceVersions } from "./resource-version.ts";
import type { Store, Stored } from "./store.ts";
import type { ApiClient, Query } from "./transport.ts";

/** What a {@link Reflector} follows, and where to. */
export interface ReflectorOptions<T extends Stored> {
  readonly transport: ApiClient;
  readonly resource: Resource;
  /** Only this namespace; absent: all. */
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
  /**
   * The part of an object worth remembering, under the key of `objectKey`;
   * undefined when it is not ours, which counts as absent.
   */
  readonly project: (raw: unknown) => T | undefined;
  readonly store: Store<T>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How a {@link Reflector} is doing, for readiness and for people. */
export interface ReflectorState {
  /** A watch is open. */
  readonly connected: boolean;
  /** The API server does not know this kind: its CRD is not installed, or was removed. */
  readonly missing: boolean;
  /** What went wrong since the last success, in one line. */
  readonly lastError: string | undefined;
  /** How often everything was listed. */
  readonly lists: number;
  /** How often a list or a watch failed, or a watch ended before its time. */
  readonly interruptions: number;
}

const pageSize = 500;
const listTimeoutMs = 60_000;
/** A watch that stays open this long counts as a success. */
const steadyMs = 5_000;
/** A list older than this may well be outdated; a younger one should not be. */
const freshListMs = 60_000;
/** How long a watch that was resumed may be silent before the server is asked how far it is. */
const quietMs = 300;
/**
 * A server that was away for longer may have been given another past meanwhile,
 * which the number of its version alone does not show: then we list.
 */
const sameServerMs = 2_000;
const retry = { firstMs: 200, maxMs: 10_000 };

interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly continue?: string;
}

interface ListPage {
  readonly metadata?: Metadata;
  readonly items?: readonly unknown[];
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: { readonly metadata?: Metadata };
}

/**
 * Keeps a store equal to what the API server has: one paged list, then
 * watches, each resumed where the last one ended.
 *
 * It never gives up. After any failure it waits, longer each time, and resumes.
 * It lists again, once, when the server says that the point to resume from is
 * gone, was away for long, or shows that it went back in time (etcd restored from
 * a copy).
 */
export class Reflector<T extends Stored> {
  readonly #options: ReflectorOptions<T>;
  readonly #path: string;
  readonly #backoff: Backoff;
  readonly #log: Log;
  /** Where the next watch resumes; undefined: list first. */
  #version: string | undefined;
  /** When we last listed, or last hurried to list. */
  #listedAt: number | undefined;
  /** A list in pages failed because its snapshot was compacted away: ask for all at once. */
  #unpaged = false;
  /** When a watch did not end as agreed; since then the server may not be the one we knew. */
  #brokenAt: number | undefined;
  #state: ReflectorState = {
    connected: false,
    missing: false,
    lastError: undefined,
    lists: 0,
    interruptions: 0,
  };

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#path = resourcePath(options.resource, { namespace: options.namespace });
    this.#backoff = new Backoff(options.clock, retry);
    this.#log = options.log.child({ kind: options.resource.kind });
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Follows the server until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const version = this.#version ?? (await this.#list(signal));
        await this.#watch(version, signal);
      } catch (error) {
        if (!signal.aborted) {
          await this.#failed(error, signal);
        }
      }
    }
    this.#state = { ...this.#state, connected: false };
  }

  /** Lists everything into the store; returns the version from which to watch. */
  async #list(signal: AbortSignal): Promise<string> {
    const { store } = this.#options;
    store.beginList();
    const objects = new Map<string, T>();
    let page: ListPage | undefined;
    do {
      page = await this.#page(page?.metadata?.continue, signal);
      for (const raw of page.items ?? []) {
        const object = this.#project(raw);
        if (object !== undefined) {
          objects.set(object.key, object);
        }
      }
    } while (hasMore(page));
    const version = page.metadata?.resourceVersion ?? "";
    this.#unpaged = false;
    this.#brokenAt = undefined;
    this.#version = version;
    this.#listedAt = this.#options.clock.now();
    this.#state = { ...this.#state, missing: false, lists: this.#state.lists + 1 };
    store.replace(objects, version);
    this.#log.debug({ objects: objects.size, version }, "listed");
    return version;
  }

  async #page(continueToken: string | undefined, signal: AbortSignal): Promise<ListPage> {
    try {
      const page = await this.#options.transport.request({
        method: "GET",
        path: this.#path,
        query: this.#query({
          limit: this.#unpaged ? undefined : pageSize,
          continue: continueToken,
        }),
        timeoutMs: listTimeoutMs,
        signal,
      });
      return page as ListPage;
    } catch (error) {
      this.#unpaged ||= isGone(error);
      throw error;
    }
  }

  /** One watch from its opening to its agreed end; throws when it ends otherwise. */
  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { transport, clock } = this.#options;
    const seconds = Math.round(300 + 300 * clock.random());
    const startedAt = clock.now();
    const ended = new AbortController();
    const watchSignal = AbortSignal.any([signal, ended.signal]);
    let doubt: unknown;
    try {
      const query = this.#query({
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: version,
        timeoutSeconds: seconds,
      });
      const events = await transport.stream(this.#path, query, watchSignal);
      const confirmed = this.#confirm(version, watchSignal).catch((error: unknown) => {
        doubt = error;
        ended.abort();
      });
      // The server ends the watch; this is only for one that forgets to.
      void clock.sleep((seconds + 30) * 1000, watchSignal).then(() => ended.abort());
      for await (const event of events) {
        this.#take(event as WatchEvent);
        this.#opened();
        this.#backoff.reset();
      }
      await confirmed;
    } finally {
      ended.abort();
    }
    if (doubt !== undefined) {
      throw doubt;
    }
    const livedMs = clock.now() - startedAt;
    if (livedMs > steadyMs) {
      this.#backoff.reset();
    }
    if (!signal.aborted && livedMs < (seconds - 10) * 1000) {
      throw new Error(`the API server ended a watch after ${Math.round(livedMs)} ms`);
    }
  }

  /**
   * A server whose etcd was restored from a copy accepts a watch from a version
   * that it has not reached yet, and then stays silent until it has. After any
   * break we therefore ask a silent one for its version: one object's list, no more.
   * @throws when it is older than ours, or cannot be asked
   */
  async #confirm(version: string, signal: AbortSignal): Promise<void> {
    if (this.#brokenAt !== undefined) {
      await this.#options.clock.sleep(quietMs, signal);
      if (signal.aborted || this.#state.connected) {
        return;
      }
      const page = (await this.#options.transport.request({
        method: "GET",
        path: this.#path,
        query: this.#query({ limit: 1 }),
        signal,
      })) as ListPage;
      this.#requireNotOlder(page.metadata?.resourceVersion, version);
    }
    if (!signal.aborted) {
      this.#opened();
    }
  }

  #requireNotOlder(serverVersion: string | undefined, ours: string): void {
    if (serverVersion !== undefined && compareResourceVersions(serverVersion, ours) < 0) {
      this.#version = undefined;
      throw new Error(
        `the API server went back from version ${ours} to ${serverVersion}: listing again`,
      );
    }
  }

  #opened(): void {
    if (this.#state.connected) {
      return;
    }
    this.#brokenAt = undefined;
    this.#state = { ...this.#state, connected: true, missing: false, lastError: undefined };
    this.#options.store.setLive(true);
  }

  #take(event: WatchEvent): void {
    if (event.type === "ERROR") {
      throw apiErrorFrom(500, event.object);
    }
    const { metadata } = event.object;
    const version = metadata?.resourceVersion ?? "";
    if (event.type === "BOOKMARK") {
      this.#requireNotOlder(version, this.#version ?? version);
    } else {
      const key = objectKey(metadata?.namespace, metadata?.name ?? "");
      const object = event.type === "DELETED" ? undefined : this.#project(event.object);
      if (object === undefined) {
        this.#options.store.remove(key, metadata?.uid ?? "", version);
      } else {
        this.#options.store.upsert(object);
      }
    }
    this.#version = version;
  }

  /** The projection; an object that it cannot read stays as it was last known. */
  #project(raw: unknown): T | undefined {
    try {
      return this.#options.project(raw);
    } catch (error) {
      const { metadata } = raw as { metadata?: Metadata };
      const key = objectKey(metadata?.namespace, metadata?.name ?? "");
      const about = { [this.#options.resource.kind.toLowerCase()]: key };
      this.#log.error(
        { ...about, err: String(error) },
        "object cannot be read: keeping the last one",
      );
      return this.#options.store.get(key);
    }
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const lastError = error instanceof Error ? error.message : String(error);
    const interruptions = this.#state.interruptions + 1;
    const missing = isNotFound(error);
    this.#state = { ...this.#state, connected: false, missing, lastError, interruptions };
    const now = this.#options.clock.now();
    this.#brokenAt ??= now;
    store.setLive(false);
    // Counted from failure to failure: our own wait for the next try is no outage.
    const wasAway = now - this.#brokenAt > sameServerMs;
    if (wasAway || isGone(error) || isNotFound(error) || isVersionTooLarge(error)) {
      this.#version = undefined;
    }
    this.#hurryIfOutdated();
    this.#log.warn(
      { err: lastError, resumeFrom: this.#version },
      "watch interrupted: trying again",
    );
    const retryAfterMs = error instanceof ApiError ? error.retryAfterMs : undefined;
    await this.#backoff.wait(signal, retryAfterMs);
  }

  /** The server is back and told us to list: no reason to wait as for one that is away. */
  #hurryIfOutdated(): void {
    const now = this.#options.clock.now();
    const outdated = this.#listedAt !== undefined && now - this.#listedAt > freshListMs;
    if (this.#version === undefined && outdated) {
      this.#listedAt = now;
      this.#backoff.reset();
    }
  }

  #query(more: Query): Query {
    const { fieldSelector, labelSelector } = this.#options;
    return { fieldSelector, labelSelector, ...more };
  }
}

function hasMore(page: ListPage): boolean {
  const token = page.metadata?.continue;
  return token !== undefined && token !== "";
}

/** Whether the server says that it has not reached our version, as after a restore of etcd. */
function isVersionTooLarge(error: unknown): boolean {
  if (!(error instanceof ApiError)) {
    return false;
  }
  const { causes } = (error.details ?? {}) as { causes?: { reason?: string }[] };
  return causes?.some((cause) => cause.reason === "ResourceVersionTooLarge") ?? false;
}
