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

/** What a message may have: the API server refuses the whole status for a longer one. */
const messageMax = 32_768;

/** The text as a condition can have it. */
export function conditionMessage(text: string): string {
  return text.length <= messageMax ? text : text.slice(0, messageMax).toWellFormed();
}

/** True if `before` says what `wanted` says, as far as a condition can. */
export function isSaid(before: DesiredCondition | undefined, wanted: DesiredCondition): boolean {
  return (
    before?.status === wanted.status &&
    before.reason === wanted.reason &&
    conditionMessage(before.message) === conditionMessage(wanted.message)
  );
}

/**
 * Returns `before` with the conditions of `desired` set, and `undefined` if
 * nothing would change. Conditions of other types stay as they are; types in
 * `absent` are taken out. The transition time moves only with the status. A message is cut where
 * it is longer than 32,768 characters.
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
  for (const one of desired) {
    const wanted = { ...one, message: conditionMessage(one.message) };
    const index = kept.findIndex(({ type }) => type === wanted.type);
    const old = kept[index];
    if (old === undefined) {
      kept.push({ ...wanted, lastTransitionTime: toRfc3339(now) });
      changed = true;
    } else if (!isSaid(old, wanted)) {
      const lastTransitionTime =
        old.status === wanted.status ? old.lastTransitionTime : toRfc3339(now);
      kept[index] = { ...old, ...wanted, lastTransitionTime };
      changed = true;
    }
  }
  return changed ? kept : undefined;
}

function toRfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
