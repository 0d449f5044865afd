import { readFile } from "node:fs/promises";

/** One request to the API, as the API server's audit log has it. */
export interface AuditEntry {
  readonly verb:
    | ("create" | "update" | "patch" | "delete" | "deletecollection")
    | ("get" | "list" | "watch");
  /** Such as `system:serviceaccount:steelyard-system:steelyard-speaker`. */
  readonly user: string;
  /** The Pod whose token it was; absent for everybody else. */
  readonly pod: string | undefined;
  /** With the subresource, if one: `services`, `services/status`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  /** Absent when the server was to find a name, and for collections. */
  readonly name: string | undefined;
  /** What the URL asked for besides. */
  readonly query: URLSearchParams;
  /** The HTTP status of the answer. */
  readonly code: number;
  /** When the request had come in. */
  readonly received: Date;
  /** When the answer was complete; for a watch, when it began. */
  readonly time: Date;
}

/** Every request of the log so far in its order, refused ones too. */
export async function readAudit(file: string): Promise<readonly AuditEntry[]> {
  const text = await readFile(file, "utf8");
  return parseAudit(text.slice(0, text.lastIndexOf("\n") + 1));
}

/** The requests in whole lines of the log. */
export function parseAudit(lines: string): readonly AuditEntry[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => parseAuditEvent(JSON.parse(line)));
}

/** Whether it was to change something. */
export function isWrite({ verb }: AuditEntry): boolean {
  return verb !== "get" && verb !== "list" && verb !== "watch";
}

/** The parts that we read of an `audit.k8s.io/v1` Event. */
interface AuditEvent {
  readonly stage: string;
  readonly verb: AuditEntry["verb"];
  readonly requestURI: string;
  readonly user: {
    readonly username: string;
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

function parseAuditEvent(event: AuditEvent): readonly AuditEntry[] {
  const { objectRef, verb, user } = event;
  // A watch is complete when it ends, minutes later.
  const telling = verb === "watch" ? "ResponseStarted" : "ResponseComplete";
  if (event.stage !== telling || objectRef === undefined) {
    return [];
  }
  const { resource, subresource } = objectRef;
  return [
    {
      verb,
      user: user.username,
      pod: user.extra?.["authentication.kubernetes.io/pod-name"]?.[0],
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      namespace: objectRef.namespace,
      name: objectRef.name,
      query: new URL(event.requestURI, "https://api").searchParams,
      code: event.responseStatus?.code ?? 0,
      received: new Date(event.requestReceivedTimestamp),
      time: new Date(event.stageTimestamp),
    },
  ];
}
