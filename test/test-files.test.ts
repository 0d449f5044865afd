import { describe, expect, test } from "vitest";
import { isClusterTest, testFilesNamed } from "./test-files.ts";

const all = [
  "test/e2e/storm.test.ts",
  "test/native/interface-storm.test.ts",
  "test/kube/store.test.ts",
];

describe("a word behind npm test", () => {
  test("means the file of exactly that name", () => {
    expect(testFilesNamed("storm", all)).toEqual(["test/e2e/storm.test.ts"]);
  });

  test("means every path that contains it, when no file has that name", () => {
    expect(testFilesNamed("interface", all)).toEqual(["test/native/interface-storm.test.ts"]);
    expect(testFilesNamed("sto", all)).toEqual(all);
  });

  test("finds nothing when nothing has such a name", () => {
    expect(testFilesNamed("strom", all)).toEqual([]);
  });

  test("finds files of this project", () => {
    expect(testFilesNamed("test-files")).toEqual(["test/test-files.test.ts"]);
  });
});

test("the folder of a test says whether it needs a cluster", () => {
  expect(all.filter(isClusterTest)).toEqual(all.slice(0, 2));
});
