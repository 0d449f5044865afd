import { readFile } from "node:fs/promises";

/** One write to the API, as the API server's audit log has it. */
export interface AuditEntry {
  readonly verb: "create" | "update" | "patch" | "delete" | "deletecollection";
  /** Such as `system:serviceaccount:steelyard-system:steelyard-speaker`. */
  readonly user: string;
  /** The Pod whose token it was; absent for everybody else. */
  readonly pod: string | undefined;
  /** With the subresource, if one: `services`, `services/status`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  /** Absent when the server was to find a name, and for collections. */
  readonly name: string | undefined;
  /** The HTTP status of the answer. */
  readonly code: number;
  /** When the answer was complete. */
  readonly time: Date;
}

/** Every write so far in the order of the log, refused ones too. */
export async function readAudit(file: string): Promise<readonly AuditEntry[]> {
  const text = await readFile(file, "utf8");
  return parseAudit(text.slice(0, text.lastIndexOf("\n") + 1));
}

/** The writes in whole lines of the log. */
export function parseAudit(lines: string): readonly AuditEntry[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => parseAuditEvent(JSON.parse(line)));
}

/** The parts that we read of an `audit.k8s.io/v1` Event. */
interface AuditEvent {
  readonly stage: string;
  readonly verb: AuditEntry["verb"];
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
  readonly stageTimestamp: string;
}

function parseAuditEvent(event: AuditEvent): readonly AuditEntry[] {
  const { objectRef } = event;
  if (event.stage !== "ResponseComplete" || objectRef === undefined) {
    return [];
  }
  const { resource, subresource } = objectRef;
  return [
    {
      verb: event.verb,
      user: event.user.username,
      pod: event.user.extra?.["authentication.kubernetes.io/pod-name"]?.[0],
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      namespace: objectRef.namespace,
      name: objectRef.name,
      code: event.responseStatus?.code ?? 0,
      time: new Date(event.stageTimestamp),
    },
  ];
}
