import { compareResourceVersions } from "./resource-version.ts";

/** What every object in a store carries, whatever else is kept of it. */
export interface Stored {
  /** `namespace/name`, or `name` for a cluster-scoped object. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** One object came, changed or went. */
export interface StoreChange<T> {
  readonly key: string;
  /** Undefined: it is new. */
  readonly before: T | undefined;
  /** Undefined: it is gone. */
  readonly after: T | undefined;
}

/**
 * The last known objects of one kind, kept by a reflector and by the answers
 * to our own writes.
 *
 * Of two versions of an object the newer one stays, whichever came first;
 * only a new list may go back, because then the server itself has.
 * Listeners are called at once and in order; they must not throw.
 */
export class Store<T extends Stored> {
  readonly #objects = new Map<string, T>();
  /** Objects that we deleted, whose last events may still be on their way: uid to key. */
  readonly #deleted = new Map<string, string>();
  /** The newest version that the server told us of by list or watch: all before it is known here. */
  #toldVersion = "0";
  /** Keys written or deleted by ourselves since the list under way began. */
  readonly #writtenSinceList = new Set<string>();
  readonly #changeListeners: ((change: StoreChange<T>) => void)[] = [];
  readonly #syncedListeners: (() => void)[] = [];
  readonly #gapListeners: (() => void)[] = [];
  readonly #wentBackListeners: (() => void)[] = [];
  #synced = false;
  #live = false;
  #wasLive = false;

  /** The object of that key, if there is one. */
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** All objects, in no particular order. */
  values(): Iterable<T> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Whether everything was listed at least once; stays true when the server goes away. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Whether a watch is open, so that changes come as they happen. */
  get live(): boolean {
    return this.#live;
  }

  /** Calls `listener` after each change, from now on. */
  onChange(listener: (change: StoreChange<T>) => void): void {
    this.#changeListeners.push(listener);
  }

  /** Calls `listener` once the first list is in; at once when it is already. */
  onSynced(listener: () => void): void {
    if (this.#synced) {
      listener();
    } else {
      this.#syncedListeners.push(listener);
    }
  }

  /**
   * Calls `listener` when the watch is found broken, and again when it is back,
   * before what was missed is seen. In between, and for the time just before,
   * silence means nothing.
   */
  onGap(listener: () => void): void {
    this.#gapListeners.push(listener);
  }

  /**
   * Calls `listener` after the server turned out to have gone back in time, as
   * when etcd was restored from a copy, and the store with it: what was decided
   * on what is no longer so should be decided anew.
   */
  onWentBack(listener: () => void): void {
    this.#wentBackListeners.push(listener);
  }

  /**
   * Takes in the answer to our own write, so that the next decision sees it. One
   * that the watch has overtaken is old news: the object may be gone since.
   */
  upsertLocal(object: T): void {
    this.#writtenSinceList.add(object.key);
    if (compareResourceVersions(object.resourceVersion, this.#toldVersion) > 0) {
      this.#put(object);
    }
  }

  /**
   * Forgets an object that we deleted. Only for a deletion that is done: one
   * that waits for finalizers is answered with the object, for {@link upsertLocal}.
   */
  deleteLocal(key: string, uid: string): void {
    this.#writtenSinceList.add(key);
    const before = this.#objects.get(key);
    // Otherwise its last event was here already, and nothing would end the memory of it.
    if (before?.uid === uid) {
      this.#deleted.set(uid, key);
      this.#drop(key, before);
    }
  }

  /** For the reflector: an object as the server has it. Older than what we have: ignored. */
  upsert(object: T): void {
    this.#told(object.resourceVersion);
    this.#put(object);
  }

  /** For the reflector: the object is gone, or no longer ours, as of `resourceVersion`. */
  remove(key: string, uid: string, resourceVersion: string): void {
    this.#told(resourceVersion);
    this.#deleted.delete(uid);
    const before = this.#objects.get(key);
    if (
      before !== undefined &&
      compareResourceVersions(resourceVersion, before.resourceVersion) > 0
    ) {
      this.#drop(key, before);
    }
  }

  /** For the reflector: a list is about to be asked for. Our own writes from now on outlive it. */
  beginList(): void {
    this.#writtenSinceList.clear();
  }

  /** For the reflector: everything that exists, as of `listVersion`. */
  replace(objects: ReadonlyMap<string, T>, listVersion: string): void {
    const wentBack = this.#isPast(objects, listVersion);
    this.#toldVersion = listVersion;
    for (const [uid, key] of this.#deleted) {
      if (!this.#writtenSinceList.has(key)) {
        this.#deleted.delete(uid);
      }
    }
    for (const [key, before] of [...this.#objects]) {
      if (!objects.has(key) && !this.#outlives(before, listVersion)) {
        this.#drop(key, before);
      }
    }
    for (const object of objects.values()) {
      this.#replaceOne(object, listVersion);
    }
    this.#writtenSinceList.clear();
    for (const listener of wentBack ? this.#wentBackListeners : []) {
      listener();
    }
    if (!this.#synced) {
      this.#synced = true;
      for (const listener of this.#syncedListeners.splice(0)) {
        listener();
      }
    }
  }

  /** For the reflector: a watch was opened or found broken. Every time but the first opening is a gap. */
  setLive(live: boolean): void {
    if (this.#live === live) {
      return;
    }
    this.#live = live;
    const first = !this.#wasLive;
    this.#wasLive = true;
    if (first) {
      return;
    }
    for (const listener of this.#gapListeners) {
      listener();
    }
  }

  #put(object: T): void {
    if (this.#deleted.has(object.uid)) {
      return;
    }
    const before = this.#objects.get(object.key);
    if (
      before !== undefined &&
      compareResourceVersions(object.resourceVersion, before.resourceVersion) <= 0
    ) {
      return;
    }
    this.#objects.set(object.key, object);
    this.#changed({ key: object.key, before, after: object });
  }

  #replaceOne(object: T, listVersion: string): void {
    if (this.#deleted.has(object.uid)) {
      return;
    }
    const before = this.#objects.get(object.key);
    if (before !== undefined) {
      const same = before.uid === object.uid && before.resourceVersion === object.resourceVersion;
      if (same || this.#outlives(before, listVersion)) {
        return;
      }
    }
    this.#objects.set(object.key, object);
    this.#changed({ key: object.key, before, after: object });
  }

  /**
   * Whether a list shows a past: its version is lower than one that we were told,
   * or, where the restored server's versions were raised, an object's is.
   */
  #isPast(objects: ReadonlyMap<string, T>, listVersion: string): boolean {
    if (compareResourceVersions(listVersion, this.#toldVersion) < 0) {
      return true;
    }
    for (const [key, { uid, resourceVersion }] of objects) {
      const known = this.#objects.get(key);
      if (
        known?.uid === uid &&
        compareResourceVersions(resourceVersion, known.resourceVersion) < 0 &&
        !this.#outlives(known, listVersion)
      ) {
        return true;
      }
    }
    return false;
  }

  /** Whether a list as of `listVersion` may be older than what we wrote while it was made. */
  #outlives(object: T, listVersion: string): boolean {
    return (
      this.#writtenSinceList.has(object.key) &&
      compareResourceVersions(object.resourceVersion, listVersion) > 0
    );
  }

  #told(version: string): void {
    if (compareResourceVersions(version, this.#toldVersion) > 0) {
      this.#toldVersion = version;
    }
  }

  #drop(key: string, before: T): void {
    this.#objects.delete(key);
    this.#changed({ key, before, after: undefined });
  }

  #changed(change: StoreChange<T>): void {
    for (const listener of this.#changeListeners) {
      listener(change);
    }
  }
}
