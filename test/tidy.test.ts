import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { reasons } from "../src/core/model/reason.ts";
import { version } from "../src/runtime/version.ts";
import { circlesOf, folderRules, problemsOf, type SourceFile } from "./tidy.ts";

/** Files that git knows or would add; what an engineer has just made counts too. */
function sourceFiles(): readonly SourceFile[] {
  const list = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" });
  return list
    .split("\n")
    .filter((path) => /\.(ts|c|h)$/.test(path) && existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

describe("the tree", () => {
  test("keeps every rule", () => {
    const files = sourceFiles();
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap(problemsOf)).toEqual([]);
    expect(circlesOf(files)).toEqual([]);
  });

  test("has circles found, which one file alone does not show", () => {
    const file = (name: string, imported: string): SourceFile => ({
      path: `src/core/net/${name}.ts`,
      text: `import type { x } from "./${imported}.ts";`,
    });
    const circle = [file("a", "b"), file("b", "c"), file("c", "b")];
    const [b, c] = ["src/core/net/b.ts", "src/core/net/c.ts"];
    expect(circlesOf(circle)).toEqual([`${b} -> ${c} -> ${b}`]);
    expect(circlesOf(circle.slice(0, 2))).toEqual([]);
  });

  test("explains every reason under a heading of docs/troubleshooting.md", () => {
    const headings = readFileSync("docs/troubleshooting.md", "utf8").match(/^#+ .*$/gm) ?? [];
    const words = new Set(headings.map((line) => line.replace(/^#+ /, "").replaceAll("`", "")));
    expect(Object.keys(reasons).filter((reason) => !words.has(reason))).toEqual([]);
  });

  test("says the same version in src/runtime/version.ts and package.json", () => {
    const manifest = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(version).toBe(manifest.version);
  });

  test("has a rule for every folder of src", () => {
    const folders = sourceFiles()
      .filter(({ path }) => path.startsWith("src/"))
      .filter(({ path }) => !folderRules.some(({ folder }) => path.startsWith(`${folder}/`)));
    expect(folders.map(({ path }) => path)).toEqual([]);
  });
});

const longText = "// a line\n".repeat(401);

/** One file for each rule that breaks it, and the words that tell so. */
const violations: readonly (readonly [path: string, text: string, problem: string])[] = [
  ["src/core/net/x.ts", 'import { readFileSync } from "node:fs";', "src/core/net may not"],
  ["src/core/net/x.ts", 'import type { Node } from "../model/node.ts";', "src/core/net may not"],
  ["src/core/model/x.ts", 'import { x } from "../allocation/x.ts";', "src/core/model may not"],
  ["src/core/model/x.ts", 'import { createHash } from "node:crypto";', "src/core/model may not"],
  ["src/core/allocation/x.ts", 'import { x } from "../placement/x.ts";', "allocation may not"],
  ["src/core/admission/x.ts", 'import { x } from "../placement/x.ts";', "admission may not"],
  ["src/core/placement/x.ts", 'import { x } from "../allocation/x.ts";', "placement may not"],
  ["src/core/liveness/x.ts", 'import { x } from "../../kube/x.ts";', "liveness may not"],
  ["src/core/layer2/x.ts", 'import { x } from "../liveness/x.ts";', "layer2 may not"],
  ["src/core/conflicts/x.ts", 'import { x } from "../allocation/x.ts";', "conflicts may not"],
  ["src/core/layer2/x.ts", 'const x = await import("pino");', "layer2 may not"],
  ["src/core/migration/x.ts", 'import { x } from "../../runtime/log.ts";', "migration may not"],
  ["src/runtime/x.ts", 'import { x } from "../kube/x.ts";', "src/runtime may not"],
  ["src/kube/x.ts", 'import { decide } from "../core/allocation/decide.ts";', "src/kube may not"],
  ["src/kube/decode/x.ts", 'import { x } from "../../link/x.ts";', "src/kube may not"],
  ["src/link/x.ts", 'import { x } from "../kube/x.ts";', "src/link may not"],
  ["src/controller/x.ts", 'import { Link } from "../link/link.ts";', "src/controller may not"],
  ["src/controller/x.ts", 'import { x } from "../speaker/x.ts";', "src/controller may not"],
  ["src/speaker/x.ts", 'import { x } from "../core/allocation/x.ts";', "src/speaker may not"],
  ["src/speaker/x.ts", 'import { x } from "../core/placement/x.ts";', "src/speaker may not"],
  ["src/cli/x.ts", 'import { x } from "../link/x.ts";', "src/cli may not"],
  ["sandbox/x.ts", 'import { x } from "../src/controller/x.ts";', "sandbox may not"],
  ["sandbox/kubelet/x.ts", 'import { x } from "../../src/core/layer2/x.ts";', "sandbox may not"],
  ["build/x.ts", 'import { x } from "../src/runtime/x.ts";', "build may not"],
  ["src/kube/x.ts", 'export { x } from "../../test/kube/x.ts";', "only tests may import tests"],
  ["sandbox/x.ts", 'import "../test/x.ts";', "only tests may import tests"],
  ["src/core/net/x.ts", "const now = Date.now();", "uses Date.now"],
  ["src/core/net/x.ts", "const now = new Date();", "uses new Date"],
  ["src/core/model/x.ts", "const x = Math.random();", "uses Math.random"],
  ["src/core/liveness/x.ts", "setTimeout(() => {}, 1);", "uses setTimeout"],
  ["src/core/layer2/x.ts", 'const x = process.env["X"];', "uses process."],
  ["src/core/layer2/x.ts", "const x = performance.now();", "uses performance."],
  ["src/kube/x.ts", longText, "has 401 lines"],
  ["native/x.c", longText, "has 401 lines"],
  ["src/kube/utils.ts", "", "a name that does not say"],
  ["src/kube/helpers.ts", "", "a name that does not say"],
  ["src/kube/common.ts", "", "a name that does not say"],
  ["src/kube/misc.ts", "", "a name that does not say"],
  ["src/kube/manager.ts", "", "a name that does not say"],
  ["src/kube/index.ts", "", "a name that does not say"],
  ["src/kube/workQueue.ts", "", "kebab-case"],
  ["src/kube/x.ts", `// ${"TO"}${"DO"}: later`, "unfinished work"],
];

describe("the checker", () => {
  for (const [path, text, problem] of violations) {
    test(`refuses ${path}: ${problem}`, () => {
      expect(problemsOf({ path, text })).toEqual([expect.stringContaining(problem)]);
    });
  }

  test("has an example for every folder rule", () => {
    const shown = violations.map(([, , problem]) => problem);
    const missing = folderRules.filter(
      ({ folder }) => !shown.some((problem) => folder.endsWith(problem.replace(" may not", ""))),
    );
    expect(missing.map(({ folder }) => folder)).toEqual([]);
  });

  test("finds nothing where nothing is wrong", () => {
    const text = [
      "/** Calls Date.now in a comment only. */",
      'import { isIP } from "node:net";',
      'import ipaddr from "ipaddr.js";',
      'import { x } from "./y.ts";',
    ].join("\n");
    expect(problemsOf({ path: "src/core/net/mac-address.ts", text })).toEqual([]);
  });
});
