import { field, textField } from "./decode/fields.ts";

/** A question of the API server: may this be done? (admission.k8s.io/v1) */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly group: string;
  /** The lower-case plural, such as `services`. */
  readonly resource: string;
  /** As it is to be; undefined for a deletion. */
  readonly object: unknown;
  /** As it is; undefined for a creation. */
  readonly oldObject: unknown;
}

/** The answer. `message` is for whoever is refused, `warnings` for whoever is let. */
export interface AdmissionVerdict {
  readonly allowed: boolean;
  readonly message: string | undefined;
  readonly warnings: readonly string[];
}

const apiVersion = "admission.k8s.io/v1";
const kind = "AdmissionReview";

/** More than this is nobody's reading; the API server cuts further where there are many. */
const warningMax = 1_000;
const messageMax = 4_096;
const warningsMax = 12;

/** Reads an AdmissionReview. Undefined: this is none, or not one that can be answered. */
export function decodeAdmissionReview(raw: unknown): AdmissionRequest | undefined {
  const request = field(raw, "request");
  const uid = textField(request, "uid") ?? "";
  const operation = textField(request, "operation");
  const group = textField(request, "resource", "group");
  const resource = textField(request, "resource", "resource");
  if (
    textField(raw, "apiVersion") !== apiVersion ||
    textField(raw, "kind") !== kind ||
    uid === "" ||
    group === undefined ||
    resource === undefined
  ) {
    return undefined;
  }
  const object = objectField(request, "object");
  const oldObject = objectField(request, "oldObject");
  const asked = { uid, group, resource };
  switch (operation) {
    case "CREATE":
      return object === undefined
        ? undefined
        : { ...asked, operation, object, oldObject: undefined };
    case "UPDATE":
      return object === undefined || oldObject === undefined
        ? undefined
        : { ...asked, operation, object, oldObject };
    case "DELETE":
      return oldObject === undefined
        ? undefined
        : { ...asked, operation, object: undefined, oldObject };
    default:
      return undefined;
  }
}

/** The AdmissionReview that answers the request of that uid. */
export function encodeAdmissionReview(uid: string, verdict: AdmissionVerdict): object {
  const { allowed, message, warnings } = verdict;
  const more = warnings.length - warningsMax;
  const told = warnings.slice(0, warningsMax).map((text) => oneLine(text, warningMax));
  return {
    apiVersion,
    kind,
    response: {
      uid,
      allowed,
      ...(message === undefined ? {} : { status: { message: oneLine(message, messageMax) } }),
      ...(told.length === 0
        ? {}
        : { warnings: more > 0 ? [...told, `and ${more} warnings more`] : told }),
    },
  };
}

function objectField(request: unknown, name: string): unknown {
  const found = field(request, name);
  return typeof found === "object" && !Array.isArray(found) ? found : undefined;
}

/** For a header of HTTP, a terminal or a log: no control characters, and at most `max` characters. */
export function oneLine(text: string, max: number): string {
  // Cut first: it may be as long as whoever reaches the port likes.
  const cut = text.length <= max ? text : `${text.slice(0, max - 1)}…`;
  return cut.replaceAll(/\p{C}/gu, "?");
}
