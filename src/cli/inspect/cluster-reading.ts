import { ApiError, isNotFound } from "../../kube/api-error.ts";
import { listField, textField } from "../../kube/decode/fields.ts";
import { type Resource, resourcePath } from "../../kube/resource.ts";
import type { ApiClient, Query } from "../../kube/transport.ts";
import type { Clock } from "../../runtime/clock.ts";

/** Which objects of a kind. */
interface Selection {
  /** Absent: of all namespaces, or of a kind that has none. */
  readonly namespace?: string;
  readonly query?: Query;
}

type Verb = "get" | "list";

/** A server that has just started, or learned a kind, asks for patience (429) for some seconds. */
const triesMax = 10;
const patienceMs = 1_000;

/**
 * Reads what a command has to tell, each object as it is now. What the user may not read is left
 * out and can be asked for; what cannot be read for another reason ends the command.
 */
export class ClusterReading {
  readonly #client: Pick<ApiClient, "request">;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #unread = new Set<string>();
  readonly #missing = new Set<Resource>();

  constructor(client: Pick<ApiClient, "request">, clock: Pick<Clock, "sleep">) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * What the user lacks, such as `list nodes`, sorted. The words of the API server's refusals are
   * not among it: they name namespaces and objects that the user may not know of.
   */
  get unread(): readonly string[] {
    return [...this.#unread].sort();
  }

  /** True if something of the kind was asked for and may not be read. */
  isUnread({ plural }: Resource): boolean {
    return this.#unread.has(`get ${plural}`) || this.#unread.has(`list ${plural}`);
  }

  /** True if a list of the kind was asked for, and the cluster has no such kind. */
  isMissing(resource: Resource): boolean {
    return this.#missing.has(resource);
  }

  /**
   * All objects of a kind, none where there is no such kind; undefined: they may not be read.
   * @throws ApiError and UnreachableError
   */
  async list<T>(
    resource: Resource,
    decode: (raw: unknown) => T,
    { namespace, query }: Selection = {},
  ): Promise<readonly T[] | undefined> {
    const path = resourcePath(resource, { namespace });
    const answer = await this.#ask("list", resource, path, query);
    if (answer === undefined) {
      this.#missing.add(resource);
    }
    return answer === forbidden ? undefined : listField(answer, "items").map(decode);
  }

  /**
   * One object; undefined: there is none, or it may not be read.
   * @throws ApiError and UnreachableError
   */
  async get<T>(
    resource: Resource,
    decode: (raw: unknown) => T,
    target: { readonly namespace?: string; readonly name: string },
  ): Promise<T | undefined> {
    const answer = await this.#ask("get", resource, resourcePath(resource, target));
    return answer === forbidden || answer === undefined ? undefined : decode(answer);
  }

  /** Undefined: not found. */
  async #ask(verb: Verb, { plural }: Resource, path: string, query?: Query): Promise<unknown> {
    try {
      return await this.#patiently(path, query);
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      if (error instanceof ApiError && error.status === 403) {
        this.#unread.add(`${verb} ${plural}`);
        return forbidden;
      }
      throw error;
    }
  }

  async #patiently(path: string, query?: Query): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#client.request({ method: "GET", path, query });
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 429) || tries === triesMax) {
          throw error;
        }
        await this.#clock.sleep(error.retryAfterMs ?? patienceMs);
      }
    }
  }
}

const forbidden = Symbol("forbidden");

/** When an object was made, RFC 3339; empty if it does not say. */
export function createdAt(raw: unknown): string {
  return textField(raw, "metadata", "creationTimestamp") ?? "";
}
