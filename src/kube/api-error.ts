/** What the API server answered instead of doing what it was asked. */
export class ApiError extends Error {
  /** The HTTP status code. */
  readonly status: number;
  /** The machine-readable reason of the answer's Status, such as `AlreadyExists`; may be empty. */
  readonly reason: string;
  /** How long the server asks us to wait before the next try. */
  readonly retryAfterMs: number | undefined;
  /** The `details` of the answer's Status: name, kind, causes. */
  readonly details: unknown;

  constructor(answer: {
    status: number;
    reason: string;
    message: string;
    retryAfterMs?: number | undefined;
    details?: unknown;
  }) {
    super(answer.message);
    this.name = "ApiError";
    this.status = answer.status;
    this.reason = answer.reason;
    this.retryAfterMs = answer.retryAfterMs;
    this.details = answer.details;
  }
}

/** No answer was had: not connected, connection lost, or no answer in time. The request may have been carried out. */
export class UnreachableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "UnreachableError";
  }
}

/** The object changed since we read it, or a precondition did not hold. */
export function isConflict(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 409 && error.reason !== "AlreadyExists";
}

/** An object of that name exists already. */
export function isAlreadyExists(error: unknown): error is ApiError {
  return error instanceof ApiError && error.reason === "AlreadyExists";
}

/** The object, or the whole kind (its CRD), does not exist. */
export function isNotFound(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

/** The version to resume from has been compacted away; only a new list helps. */
export function isGone(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 410;
}

/** Why something could not be written, for people: who is at fault, and with whose words. */
export function explainFailure(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return error instanceof ApiError
    ? `the API server refuses writes: ${words}`
    : `the API server cannot be reached: ${words}`;
}

/** What a Status object, or whatever a proxy sent in its place, says about a failed request. */
export function apiErrorFrom(status: number, body: unknown, retryAfter?: string): ApiError {
  const answer = fieldsOf(body);
  const details = fieldsOf(answer["details"]);
  const inDetails = details["retryAfterSeconds"];
  return new ApiError({
    status: typeof answer["code"] === "number" ? answer["code"] : status,
    reason: typeof answer["reason"] === "string" ? answer["reason"] : "",
    message:
      typeof answer["message"] === "string" && answer["message"] !== ""
        ? answer["message"]
        : `the API server answered ${status}${typeof body === "string" ? `: ${body.slice(0, 200)}` : ""}`,
    retryAfterMs:
      secondsToMs(retryAfter) ??
      (typeof inDetails === "number" && inDetails > 0 ? inDetails * 1000 : undefined),
    details: answer["details"],
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function secondsToMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}
