import { apiVersion, type Resource, type ResourceTarget, resourcePath } from "./resource.ts";
import type { Stored } from "./store.ts";
import type { ApiClient, ApiRequest } from "./transport.ts";

/**
 * How long a write may be under way. A leader may write until 10 s after its last
 * renewal, and nobody else leads before 15 s: a request that waits for a
 * connection must not be sent later than that.
 */
const writeTimeoutMs = 5_000;

/**
 * The ways in which objects are written. Every change and every deletion names
 * the version that it was decided on, so a stale writer fails with 409; and
 * whoever no longer may write, because another leads now, does not even ask.
 */
export class Writer {
  readonly #transport: ApiClient;
  readonly #mayWrite: () => boolean;

  constructor(transport: ApiClient, mayWrite: () => boolean) {
    this.#transport = transport;
    this.#mayWrite = mayWrite;
  }

  /** Creates an object; returns it as stored. 409 AlreadyExists if the name is taken. */
  create(resource: Resource, object: NewObject): Promise<unknown> {
    const { namespace } = object.metadata;
    return this.#write({
      method: "POST",
      path: resourcePath(resource, { namespace }),
      body: { apiVersion: apiVersion(resource), kind: resource.kind, ...object },
    });
  }

  /** Replaces an object; `metadata` must carry its uid and resourceVersion. */
  replace(resource: Resource, object: NewObject & { metadata: Version }): Promise<unknown> {
    const { namespace, name } = object.metadata;
    return this.#write({
      method: "PUT",
      path: resourcePath(resource, { namespace, name }),
      body: { apiVersion: apiVersion(resource), kind: resource.kind, ...object },
    });
  }

  /** Merges `patch` into an object or a subresource (RFC 7396). */
  patch(resource: Resource, target: ResourceTarget, patch: object): Promise<unknown> {
    return this.#write({
      method: "PATCH",
      path: resourcePath(resource, target),
      contentType: "application/merge-patch+json",
      body: patch,
    });
  }

  /** Reads one object as the API server has it now. */
  read(resource: Resource, target: ResourceTarget): Promise<unknown> {
    return this.#transport.request({ method: "GET", path: resourcePath(resource, target) });
  }

  /** Deletes exactly this version of an object. */
  async delete(resource: Resource, target: ResourceTarget, version: Version): Promise<void> {
    await this.#write({
      method: "DELETE",
      path: resourcePath(resource, target),
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        preconditions: { uid: version.uid, resourceVersion: version.resourceVersion },
      },
    });
  }

  async #write(request: ApiRequest): Promise<unknown> {
    if (!this.#mayWrite()) {
      throw new Error(`Cannot ${request.method} ${request.path}: this process does not lead`);
    }
    return this.#transport.request({ ...request, timeoutMs: writeTimeoutMs });
  }
}

/** Which version of which object a write is based on. */
export type Version = Pick<Stored, "uid" | "resourceVersion">;

/** An object to write, without its kind. */
export interface NewObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}
