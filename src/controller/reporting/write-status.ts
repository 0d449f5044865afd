import { isNotFound } from "../../kube/api-error.ts";
import type { Resource } from "../../kube/resource.ts";
import type { Stored } from "../../kube/store.ts";
import type { Writer } from "../../kube/write.ts";

/**
 * Merges `status` into that of `object`, as it is in the version that is known.
 * @returns the object as it was written; undefined: it is gone
 * @throws ApiError when the server says no, as when somebody wrote to the object meanwhile
 * @throws UnreachableError when no answer came
 */
export async function writeStatus(
  writer: Writer,
  resource: Resource,
  object: Stored & { readonly name: string },
  status: object,
  /** Of kinds that have one. */
  namespace?: string,
): Promise<unknown> {
  const { name, uid, resourceVersion } = object;
  const patch = { metadata: { uid, resourceVersion }, status };
  try {
    return await writer.patch(resource, { namespace, name, subresource: "status" }, patch);
  } catch (error) {
    if (isNotFound(error)) {
      return undefined;
    }
    throw error;
  }
}
