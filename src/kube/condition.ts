/** A condition as Kubernetes defines it (metav1.Condition). */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/** A condition as it should be; when it came to be so is worked out against the one before. */
export type DesiredCondition = Pick<Condition, "type" | "status" | "reason" | "message">;

/**
 * Returns `before` with the conditions of `desired` set, and `undefined` if
 * nothing would change. Conditions of other types stay as they are; types in
 * `absent` are taken out. The transition time moves only with the status.
 */
export function mergeConditions(
  before: readonly Condition[],
  desired: readonly DesiredCondition[],
  absent: readonly string[],
  now: Date,
): readonly Condition[] | undefined {
  let changed = false;
  const kept = before.filter(({ type }) => !absent.includes(type));
  changed ||= kept.length < before.length;
  for (const wanted of desired) {
    const index = kept.findIndex(({ type }) => type === wanted.type);
    const old = kept[index];
    if (old === undefined) {
      kept.push({ ...wanted, lastTransitionTime: toRfc3339(now) });
      changed = true;
    } else if (!sameCondition(old, wanted)) {
      const lastTransitionTime =
        old.status === wanted.status ? old.lastTransitionTime : toRfc3339(now);
      kept[index] = { ...old, ...wanted, lastTransitionTime };
      changed = true;
    }
  }
  return changed ? kept : undefined;
}

function sameCondition(a: DesiredCondition, b: DesiredCondition): boolean {
  return a.status === b.status && a.reason === b.reason && a.message === b.message;
}

function toRfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
