import { describe, expect, it } from "vitest";
import {
  apiErrorFrom,
  explainFailure,
  isAlreadyExists,
  isConflict,
  isGone,
  isNotFound,
  UnreachableError,
} from "../../src/kube/api-error.ts";

function status(code: number, reason: string, details?: object): object {
  return {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    code,
    reason,
    message: "no",
    details,
  };
}

describe("API errors", () => {
  it("tell a taken name from a stale version, both 409", () => {
    const taken = apiErrorFrom(409, status(409, "AlreadyExists"));
    const stale = apiErrorFrom(409, status(409, "Conflict"));
    expect([isAlreadyExists(taken), isConflict(taken)]).toEqual([true, false]);
    expect([isAlreadyExists(stale), isConflict(stale)]).toEqual([false, true]);
  });

  it("are told apart from silence, for people", () => {
    expect(explainFailure(apiErrorFrom(500, status(500, "")))).toBe(
      "the API server refuses writes: no",
    );
    expect(explainFailure(new UnreachableError("PUT https://x: refused"))).toBe(
      "the API server cannot be reached: PUT https://x: refused",
    );
  });

  it("are recognized by their status", () => {
    expect(isNotFound(apiErrorFrom(404, status(404, "NotFound")))).toBe(true);
    expect(isGone(apiErrorFrom(410, status(410, "Expired")))).toBe(true);
    expect(isNotFound(new Error("404"))).toBe(false);
  });

  it("take the code of a Status inside a watch, where HTTP said 200", () => {
    expect(isGone(apiErrorFrom(500, status(410, "Expired")))).toBe(true);
  });

  it("know how long to wait from the header, else from the Status", () => {
    const body = status(429, "TooManyRequests", { retryAfterSeconds: 3 });
    expect(apiErrorFrom(429, body, "7").retryAfterMs).toBe(7_000);
    expect(apiErrorFrom(429, body).retryAfterMs).toBe(3_000);
    expect(apiErrorFrom(503, "busy", "soon").retryAfterMs).toBeUndefined();
  });

  it("show what a proxy says that does not speak JSON", () => {
    const error = apiErrorFrom(502, "<html>Bad Gateway</html>");
    expect(error.message).toBe("the API server answered 502: <html>Bad Gateway</html>");
    expect(error.reason).toBe("");
  });
});
