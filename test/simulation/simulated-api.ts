import { allocationName } from "../../src/core/model/ip-allocation.ts";
import { compareBundleVersions } from "../../src/core/model/l2-bundle.ts";
import { parseIpAddress } from "../../src/core/net/ip-address.ts";
import { ApiError } from "../../src/kube/api-error.ts";
import { objectKey } from "../../src/kube/resource.ts";
import type { ApiRequest } from "../../src/kube/transport.ts";

type Fields = Readonly<Record<string, unknown>>;

/** An object as the API server keeps it. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp?: string | undefined;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the tests read into objects of every kind
  readonly spec?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly status?: any;
}

/** A change that took effect. */
export interface AppliedWrite {
  readonly writer: string;
  /** The kind, such as `services`. */
  readonly plural: string;
  readonly key: string;
  /** Undefined: it was created. */
  readonly before: ApiObject | undefined;
  /** Undefined: it was deleted. */
  readonly after: ApiObject | undefined;
  /** The version of everything when its writer sent it. */
  readonly sentVersion: number;
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ApiObject;
}

interface Target {
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/**
 * The API server in memory, as far as the controller can tell: names are unique,
 * versions and uids are preconditions, a change of nothing is no change, and the
 * rules that our definitions carry hold. Every write is one step, as in etcd.
 */
export class SimulatedApi {
  readonly #objects = new Map<string, Map<string, ApiObject>>();
  readonly #history = new Map<string, WatchEvent[]>();
  readonly #changed = new Map<string, Set<() => void>>();
  readonly #onWrite: (write: AppliedWrite) => void;
  readonly #today: () => string | undefined;
  // So that versions grow by a digit during a run: they are numbers, not texts.
  #version = 9_900;
  #uids = 0;
  #sentVersion: number | undefined;

  /** Calls `onWrite` right after each change. `today`: when an object is created that does not say so; absent: nobody knows. */
  constructor(
    onWrite: (write: AppliedWrite) => void,
    today: () => string | undefined = () => undefined,
  ) {
    this.#onWrite = onWrite;
    this.#today = today;
  }

  /** All objects of a kind. */
  list(plural: string): readonly ApiObject[] {
    return [...this.#kind(plural).values()];
  }

  get(plural: string, key: string): ApiObject | undefined {
    return this.#kind(plural).get(key);
  }

  /** The version of the last change of a kind, of everything if absent. */
  version(plural?: string): string {
    return plural === undefined
      ? String(this.#version)
      : (this.#history.get(plural)?.at(-1)?.object.metadata.resourceVersion ?? "0");
  }

  /** Events of a kind from the first one after `version`. */
  eventsAfter(plural: string, version: string): readonly WatchEvent[] {
    const all = this.#history.get(plural) ?? [];
    let first = all.length;
    while (first > 0 && Number(all[first - 1]?.object.metadata.resourceVersion) > Number(version)) {
      first -= 1;
    }
    return all.slice(first);
  }

  /** Calls `listener` after each change of a kind; returns how to end that. */
  subscribe(plural: string, listener: () => void): () => void {
    const listeners = this.#changed.get(plural) ?? new Set();
    this.#changed.set(plural, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Changes an object as somebody with full rights does who always reads before he writes. */
  edit(writer: string, plural: string, key: string, change: (object: ApiObject) => Fields): void {
    const before = this.get(plural, key);
    if (before !== undefined) {
      this.#put(writer, plural, key, before, { ...before, ...change(before) } as ApiObject);
    }
  }

  /** Deletes an object, whatever its version, if it is there. */
  remove(writer: string, plural: string, key: string): void {
    const before = this.get(plural, key);
    if (before !== undefined) {
      this.#delete(writer, plural, key, before);
    }
  }

  /**
   * Does what a request asks for and returns the answer. `sentVersion`: the version of
   * everything when it was sent; absent: right now.
   * @throws ApiError as the real one does
   */
  handle(request: ApiRequest, writer: string, sentVersion?: number): unknown {
    this.#sentVersion = sentVersion;
    try {
      return this.#handle(request, writer);
    } finally {
      this.#sentVersion = undefined;
    }
  }

  #handle(request: ApiRequest, writer: string): unknown {
    const target = parsePath(request.path);
    const body = request.body as Fields | undefined;
    if (target.name === undefined) {
      return request.method === "POST" ? this.#create(target, body, writer) : this.#listOf(target);
    }
    const key = objectKey(target.namespace, target.name);
    const current = this.get(target.plural, key);
    if (current === undefined) {
      throw refusal(404, "NotFound", `${target.plural} "${target.name}" not found`);
    }
    switch (request.method) {
      case "PUT":
        return this.#replace(target, current, body as unknown as ApiObject, writer);
      case "PATCH":
        return this.#patch(target, current, body as unknown as ApiObject, writer);
      case "DELETE":
        requireVersion(current, body?.["preconditions"] as ApiObject["metadata"] | undefined);
        return this.#delete(writer, target.plural, key, current);
      default:
        return current;
    }
  }

  #listOf({ plural, namespace }: Target): unknown {
    return {
      metadata: { resourceVersion: String(this.#version) },
      items: this.list(plural).filter(
        ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
      ),
    };
  }

  #create({ plural, namespace }: Target, body: Fields | undefined, writer: string): ApiObject {
    const { metadata, ...rest } = clone(body) as unknown as ApiObject;
    const key = objectKey(namespace, metadata.name);
    if (this.get(plural, key) !== undefined) {
      throw refusal(409, "AlreadyExists", `${plural} "${metadata.name}" already exists`);
    }
    this.#uids += 1;
    const uid = `uid-${this.#uids}`;
    const creationTimestamp = metadata.creationTimestamp ?? this.#today();
    const dated = creationTimestamp === undefined ? {} : { creationTimestamp };
    const object = { ...rest, metadata: { ...metadata, uid, ...dated } } as ApiObject;
    return this.#put(writer, plural, key, undefined, object);
  }

  #replace(
    { plural, namespace, name = "" }: Target,
    current: ApiObject,
    body: ApiObject,
    writer: string,
  ): ApiObject {
    if (body.metadata.resourceVersion === undefined) {
      throw refusal(422, "Invalid", "metadata.resourceVersion: must be specified for an update");
    }
    requireVersion(current, body.metadata);
    const { metadata, ...rest } = clone(body) as ApiObject;
    const { uid, creationTimestamp } = current.metadata;
    const born = creationTimestamp === undefined ? {} : { creationTimestamp };
    const object = { ...rest, metadata: { ...metadata, uid, ...born } } as ApiObject;
    return this.#put(writer, plural, objectKey(namespace, name), current, object);
  }

  #patch(
    { plural, namespace, name = "", subresource }: Target,
    current: ApiObject,
    patch: ApiObject,
    writer: string,
  ): ApiObject {
    requireVersion(current, patch.metadata);
    const { spec: _, ...statusOnly } = patch;
    const merged = mergePatch(current, subresource === "status" ? statusOnly : patch);
    return this.#put(writer, plural, objectKey(namespace, name), current, merged as ApiObject);
  }

  #put(
    writer: string,
    plural: string,
    key: string,
    before: ApiObject | undefined,
    wanted: ApiObject,
  ): ApiObject {
    requireRules(plural, before, wanted);
    const { resourceVersion } = before?.metadata ?? { resourceVersion: "" };
    const same = { ...wanted, metadata: { ...wanted.metadata, resourceVersion } };
    if (before !== undefined && canonical(same) === canonical(before)) {
      return before;
    }
    this.#version += 1;
    const metadata = { ...wanted.metadata, resourceVersion: String(this.#version) };
    const after: ApiObject = { ...wanted, metadata };
    this.#kind(plural).set(key, after);
    const type = before === undefined ? "ADDED" : "MODIFIED";
    this.#record(plural, { type, object: after }, { writer, plural, key, before, after });
    return after;
  }

  #delete(writer: string, plural: string, key: string, before: ApiObject): Fields {
    this.#version += 1;
    this.#kind(plural).delete(key);
    const metadata = { ...before.metadata, resourceVersion: String(this.#version) };
    const object = { ...before, metadata };
    const write = { writer, plural, key, before, after: undefined };
    this.#record(plural, { type: "DELETED", object }, write);
    return { kind: "Status", status: "Success" };
  }

  #record(plural: string, event: WatchEvent, write: Omit<AppliedWrite, "sentVersion">): void {
    const history = this.#history.get(plural) ?? [];
    this.#history.set(plural, history);
    history.push(event);
    for (const listener of this.#changed.get(plural) ?? []) {
      listener();
    }
    this.#onWrite({ ...write, sentVersion: this.#sentVersion ?? this.#version });
  }

  #kind(plural: string): Map<string, ApiObject> {
    const objects = this.#objects.get(plural) ?? new Map();
    this.#objects.set(plural, objects);
    return objects;
  }
}

/** Reads the kind, and the object if one is meant, out of a URL path. */
export function parsePath(path: string): Target {
  const pattern =
    /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/;
  const [, namespace, plural = "", name, subresource] = pattern.exec(path) ?? [];
  return { plural, namespace, name, subresource };
}

function requireVersion(current: ApiObject, wanted?: Partial<ApiObject["metadata"]>): void {
  const { uid, resourceVersion } = wanted ?? {};
  if (uid !== undefined && uid !== current.metadata.uid) {
    throw refusal(409, "Conflict", "the uid in the precondition is another one");
  }
  if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
    throw refusal(409, "Conflict", "the object has been modified; read it again");
  }
}

/** The rules in `crds/` that matter to who may write what. */
function requireRules(plural: string, before: ApiObject | undefined, wanted: ApiObject): void {
  if (plural === "ipallocations") {
    requireAllocationRules(before, wanted);
  }
  if (plural === "l2bundles" && before !== undefined) {
    if (compareBundleVersions(wanted.spec, before.spec) < 0) {
      throw refusal(422, "Invalid", "the pair (term, sequence) may never decrease");
    }
  }
}

function requireAllocationRules(
  before: ApiObject | undefined,
  { metadata, spec }: ApiObject,
): void {
  const address = parseIpAddress(spec.address);
  const named = address !== undefined && allocationName(address) === metadata.name;
  const moved = before !== undefined && before.spec.address !== spec.address;
  if (!named || moved) {
    throw refusal(422, "Invalid", "metadata.name must be the address, which cannot change");
  }
  if (spec.state !== "Quarantined" && spec.holders.length === 0) {
    throw refusal(422, "Invalid", "an address that is allocated or cools down has holders");
  }
  if (spec.state !== "Allocated" && spec.bundle !== undefined) {
    throw refusal(422, "Invalid", "only an allocated address is announced");
  }
}

function refusal(status: number, reason: string, message: string): ApiError {
  return new ApiError({ status, reason, message });
}

/** RFC 7396. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) {
    return clone(patch);
  }
  const merged: Record<string, unknown> = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) {
      delete merged[name];
    } else {
      merged[name] = mergePatch(merged[name], value);
    }
  }
  return merged;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What arrives is what JSON can carry: fields that are undefined are not there. */
function clone(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** The same text for the same object, in whatever order its fields were written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    isFields(item) ? Object.fromEntries(Object.entries(item).sort()) : item,
  );
}
