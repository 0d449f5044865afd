import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Condition,
  type DesiredCondition,
  isSaid,
  mergeConditions,
} from "../../src/kube/condition.ts";

const then = "2026-01-01T00:00:00Z";
const now = new Date("2026-11-23T10:11:12.345Z");

function old(type: string, status: Condition["status"] = "True", reason = "R"): Condition {
  return { type, status, reason, message: "m", lastTransitionTime: then };
}

function wanted(
  type: string,
  status: Condition["status"] = "True",
  reason = "R",
): DesiredCondition {
  return { type, status, reason, message: "m" };
}

describe("merging conditions", () => {
  test("says nothing when nothing would change", () => {
    expect(mergeConditions([old("a"), old("b")], [wanted("a")], ["c"], now)).toBeUndefined();
    expect(mergeConditions([], [], [], now)).toBeUndefined();
  });

  test("adds what is missing, with the time in whole seconds", () => {
    expect(mergeConditions([old("a")], [wanted("b")], [], now)).toEqual([
      old("a"),
      { ...wanted("b"), lastTransitionTime: "2026-11-23T10:11:12Z" },
    ]);
  });

  test("moves the time with the status", () => {
    expect(mergeConditions([old("a")], [wanted("a", "False")], [], now)).toEqual([
      { ...old("a", "False"), lastTransitionTime: "2026-11-23T10:11:12Z" },
    ]);
  });

  test("keeps the time when only the reason changes, and fields that we do not know", () => {
    const before = { ...old("a"), observedGeneration: 3 };
    expect(mergeConditions([before], [wanted("a", "True", "Other")], [], now)).toEqual([
      { ...before, reason: "Other" },
    ]);
  });

  test("takes out what should be absent", () => {
    expect(mergeConditions([old("a"), old("b")], [], ["a"], now)).toEqual([old("b")]);
  });

  test("cuts a message that the API server would refuse, and writes it once", () => {
    const long = { ...wanted("a"), message: `${"x".repeat(32_767)}😀` };
    const merged = mergeConditions([], [long], [], now) ?? [];
    expect(merged[0]?.message).toBe(`${"x".repeat(32_767)}\ufffd`);
    expect(mergeConditions(merged, [long], [], now)).toBeUndefined();
    expect(isSaid(merged[0], long)).toBe(true);
    expect(isSaid(merged[0], { ...long, message: "m" })).toBe(false);
  });

  const status = fc.constantFrom<Condition["status"]>("True", "False", "Unknown");
  const type = fc.constantFrom("a", "b", "c", "d");
  const conditions = fc.uniqueArray(
    fc.tuple(type, status, fc.constantFrom("R", "S")).map((it) => old(...it)),
    { selector: (it) => it.type },
  );
  const desired = fc.uniqueArray(
    fc
      .tuple(fc.constantFrom("a", "b"), status, fc.constantFrom("R", "S"))
      .map((it) => wanted(...it)),
    { selector: (it) => it.type },
  );

  test("is done after once, and never touches what it was not asked about", () => {
    fc.assert(
      fc.property(conditions, desired, (before, wants) => {
        const after = mergeConditions(before, wants, ["c"], now) ?? before;
        expect(mergeConditions(after, wants, ["c"], new Date(0))).toBeUndefined();
        const mine = [...wants.map((it) => it.type), "c"];
        const others = (list: readonly Condition[]): readonly Condition[] =>
          list.filter((it) => !mine.includes(it.type));
        expect(others(after)).toEqual(others(before));
        expect(after.map((it) => it.type)).not.toContain("c");
      }),
    );
  });
});
