import { expect, test } from "vitest";
import { ClusterReading } from "../../../src/cli/inspect/cluster-reading.ts";
import { ApiError } from "../../../src/kube/api-error.ts";
import * as resources from "../../../src/kube/resources.ts";

function tooEarly(retryAfterMs?: number): ApiError {
  const message = "storage is (re)initializing";
  return new ApiError({ status: 429, reason: "TooManyRequests", message, retryAfterMs });
}

/** A reading of a server that answers with these, one after the other, and the waits in between. */
function readingOf(answers: readonly unknown[]): { reading: ClusterReading; waits: number[] } {
  const left = [...answers];
  const waits: number[] = [];
  const request = async (): Promise<unknown> => {
    const answer = left.shift();
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  };
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms);
  };
  return { reading: new ClusterReading({ request }, { sleep }), waits };
}

const list = (reading: ClusterReading): Promise<unknown> =>
  reading.list(resources.nodes, (raw) => raw);

test("a server that asks for patience is asked again, when it says", async () => {
  const { reading, waits } = readingOf([tooEarly(3_000), tooEarly(), { items: ["a"] }]);
  expect(await list(reading)).toEqual(["a"]);
  expect(waits).toEqual([3_000, 1_000]);
});

test("but not for ever", async () => {
  const { reading, waits } = readingOf(Array.from({ length: 20 }, () => tooEarly(1_000)));
  await expect(list(reading)).rejects.toThrow("storage is (re)initializing");
  expect(waits).toHaveLength(9);
});
