import type { AuditEntry } from "../sandbox/audit.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Contender } from "./contender.ts";

/**
 * What the contender's own processes have written to the API so far, as the
 * audit log has it, refused writes too. Without Leases: those cost by time, not
 * by Service.
 */
export async function writesOf(
  sandbox: Sandbox,
  contender: Contender,
): Promise<readonly AuditEntry[]> {
  const user = `system:serviceaccount:${contender.namespace}:`;
  const entries = await sandbox.audit();
  return entries.filter((entry) => entry.user.startsWith(user) && entry.resource !== "leases");
}

/** Such as `12 patch services/status, 3 create events`; `none`. */
export function describeWrites(writes: readonly AuditEntry[]): string {
  const counts = new Map<string, number>();
  for (const { verb, resource } of writes) {
    const what = `${verb} ${resource}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([what, count]) => `${count} ${what}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}
