import { AssertionError } from "node:assert";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { invariants, Trials } from "./invariants.ts";
import { type Mutation, mutations } from "./mutations.ts";

/**
 * `node try-mutations.ts <number>…`: applies each of these mutations to a copy of the code and
 * prints, as a line of JSON, whether its invariant fails.
 */

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** The same for all, so that a mutation once caught is caught again. */
const trials: Trials & { readonly endOnFailure: boolean } = {
  numRuns: 3_000,
  seed: 1,
  endOnFailure: true,
};

/** What the invariants need to run, beside packages. */
const parts = ["package.json", "src", "test/core", "test/simulation"];

async function tryMutation(folder: string, mutation: Mutation): Promise<boolean> {
  for (const part of parts) {
    await cp(join(root, part), join(folder, part), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const file = join(folder, "src", mutation.file);
  const source = await readFile(file, "utf8");
  if (source.split(mutation.from).length !== 2) {
    throw new Error(`${mutation.rule}: its text does not stand exactly once in ${mutation.file}`);
  }
  await writeFile(
    file,
    source.replace(mutation.from, () => mutation.to),
  );
  const url = pathToFileURL(join(folder, "test/core/allocation/invariants.ts")).href;
  const copy = (await import(url)) as { readonly invariants: typeof invariants };
  try {
    await copy.invariants[mutation.breaks](trials);
    return false;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : undefined;
    if (cause instanceof AssertionError) {
      return true;
    }
    throw error;
  }
}

const work = await mkdtemp(join(tmpdir(), "steelyard-mutations-"));
try {
  for (const number of process.argv.slice(2).map(Number)) {
    const mutation = mutations[number] as Mutation;
    const { rule, breaks } = mutation;
    const folder = join(work, String(number));
    await mkdir(folder);
    const fails = await tryMutation(folder, mutation);
    console.log(JSON.stringify({ rule, breaks, fails }));
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
