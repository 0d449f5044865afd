import { expect, test } from "vitest";
import { restartDelayMs } from "../../../sandbox/kubelet/container-runner.ts";

test("a container that ends is started again at once, then after 1, 2, 4 ... 60 seconds", () => {
  const delays = [1, 2, 3, 4, 7, 8, 9, 500].map((restarts) => restartDelayMs(restarts) / 1_000);
  expect(delays).toEqual([0, 1, 2, 4, 32, 60, 60, 60]);
});
