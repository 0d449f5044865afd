import { ApiError, isNotFound } from "../../kube/api-error.ts";
import { listField, textField } from "../../kube/decode/fields.ts";
import { type Resource, resourcePath } from "../../kube/resource.ts";
import type { ApiClient, Query } from "../../kube/transport.ts";

/** The ClusterRole that lets somebody use the commands that look at a cluster. */
export const viewerRole = "steelyard-viewer";

/** Which objects of a kind. */
interface Selection {
  /** Absent: of all namespaces, or of a kind that has none. */
  readonly namespace?: string;
  readonly query?: Query;
}

/**
 * Reads what a command has to tell, each object as it is now. What the user may not read is left
 * out and told at the end; what cannot be read for another reason ends the command.
 */
export class ClusterReading {
  readonly #client: Pick<ApiClient, "request">;
  readonly #unread: string[] = [];

  constructor(client: Pick<ApiClient, "request">) {
    this.#client = client;
  }

  /** Why something was not read, a sentence each; with the one that says what to do. */
  get unread(): readonly string[] {
    return this.#unread.length === 0
      ? []
      : [
          ...this.#unread,
          "an administrator lets you: kubectl create clusterrolebinding NAME " +
            `--clusterrole=${viewerRole} --user=YOU`,
        ];
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
    const answer = await this.#ask(path, query);
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
    const answer = await this.#ask(resourcePath(resource, target));
    return answer === forbidden || answer === undefined ? undefined : decode(answer);
  }

  /** Undefined: not found. */
  async #ask(path: string, query?: Query): Promise<unknown> {
    try {
      return await this.#client.request({ method: "GET", path, query });
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      if (error instanceof ApiError && error.status === 403) {
        if (!this.#unread.includes(error.message)) {
          this.#unread.push(error.message);
        }
        return forbidden;
      }
      throw error;
    }
  }
}

const forbidden = Symbol("forbidden");

/** When an object was made, RFC 3339; empty if it does not say. */
export function createdAt(raw: unknown): string {
  return textField(raw, "metadata", "creationTimestamp") ?? "";
}
