import { globSync } from "node:fs";
import { basename } from "node:path";
import { clusterFolders } from "../vitest.config.ts";

/** Whether a test file, by its path from the root of the project, belongs to the project `cluster`. */
export function isClusterTest(path: string): boolean {
  return clusterFolders.some((folder) => path.startsWith(`test/${folder}/`));
}

/**
 * The test files that a word means: those of exactly that name without `.test.ts`;
 * if there is none, those whose path contains it.
 */
export function testFilesNamed(
  word: string,
  all: readonly string[] = globSync("test/**/*.test.ts"),
): readonly string[] {
  const exact = all.filter((path) => basename(path, ".test.ts") === word);
  return exact.length > 0 ? exact : all.filter((path) => path.includes(word));
}
