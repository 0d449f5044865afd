import { describe, expect, test } from "vitest";
import { judge, noVerdict, watchProbe } from "../../../sandbox/kubelet/probe.ts";

function verdicts(results: string, probe: object): readonly (boolean | undefined)[] {
  let verdict = noVerdict;
  return [...results].map((result) => {
    verdict = judge(verdict, probe, result === "+");
    return verdict.healthy;
  });
}

describe("a probe", () => {
  test("is believed after one success and after three failures", () => {
    expect(verdicts("--+--+---+", {})).toEqual([
      ...[undefined, undefined, true],
      ...[true, true, true],
      ...[true, true, false],
      true,
    ]);
  });

  test("has thresholds of its own", () => {
    const probe = { successThreshold: 2, failureThreshold: 1 };
    expect(verdicts("+-++", probe)).toEqual([undefined, false, false, true]);
  });

  test("is tried again and again until the first success, which is told once", async () => {
    const end = new AbortController();
    const told: boolean[] = [];
    let attempts = 0;
    await watchProbe(
      { periodSeconds: 3_600 },
      async () => {
        attempts++;
        return attempts < 3 ? "refused" : undefined;
      },
      (healthy) => {
        told.push(healthy);
        end.abort();
      },
      end.signal,
    );
    expect(attempts).toBe(3);
    expect(told).toEqual([true]);
  });
});
