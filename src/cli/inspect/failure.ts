import { ApiError, UnreachableError } from "../../kube/api-error.ts";

/** What went wrong as an Error whose message tells the user what to do about it. */
export function describeFailure(error: unknown): unknown {
  if (error instanceof UnreachableError) {
    return new Error(
      `the API server cannot be reached; does kubectl reach it with this kubeconfig and context? (${error.message})`,
    );
  }
  if (error instanceof ApiError && error.status === 401) {
    return new Error(
      "the API server does not know who you are: log in anew, or check the kubeconfig",
    );
  }
  return error;
}
