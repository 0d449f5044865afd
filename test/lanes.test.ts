import { expect, test } from "vitest";
import { lanes } from "./lanes.ts";
import { isClusterTest, testFilesNamed } from "./test-files.ts";

test("every test file with a cluster is in one lane", () => {
  const files = testFilesNamed("test/").filter(isClusterTest);
  const timesRun = files.map((file) => [
    file,
    lanes.flat().filter((path) => file.includes(path)).length,
  ]);
  expect(files.length).toBeGreaterThan(50);
  expect(timesRun.filter(([, times]) => times !== 1)).toEqual([]);
});
