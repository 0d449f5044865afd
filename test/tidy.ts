import { dirname, join, normalize } from "node:path";

/** One file of the tree, as the rules see it. */
export interface SourceFile {
  /** Relative to the root of the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** What the files of a folder may import. The folder itself is always allowed. */
interface FolderRule {
  readonly folder: string;
  /** Folders (with all below them), Node's modules and packages, by name. */
  readonly may: readonly string[];
}

/** Every module of Node: what an edge to the world may use, and the core may not. */
const node = "node:";
const core = (...names: readonly string[]): readonly string[] =>
  names.map((name) => `src/core/${name}`);

/** The folder rules of ARCHITECTURE.md; the longest matching folder decides. */
export const folderRules: readonly FolderRule[] = [
  { folder: "src/core/net", may: ["node:net", "ipaddr.js"] },
  { folder: "src/core/model", may: core("net") },
  ...["allocation", "placement", "liveness", "layer2", "conflicts", "migration"].map((name) => ({
    folder: `src/core/${name}`,
    may: [...core("net", "model"), "node:crypto"],
  })),
  { folder: "src/core/admission", may: core("net", "model", "allocation") },
  { folder: "src/runtime", may: [node, "pino", "@peculiar/x509"] },
  {
    folder: "src/kube",
    may: [
      ...core("net", "model"),
      "src/runtime",
      node,
      "undici",
      "yaml",
      "@kubernetes/client-node",
    ],
  },
  { folder: "src/link", may: [...core("net"), "src/runtime", node] },
  { folder: "src/controller", may: ["src/core", "src/kube", "src/runtime", node] },
  {
    folder: "src/speaker",
    may: [
      ...core("net", "model", "layer2", "liveness", "conflicts"),
      ...["src/kube", "src/link", "src/runtime", node, "yaml"],
    ],
  },
  {
    folder: "src/cli",
    may: [
      "src/core",
      "src/kube",
      "src/controller",
      "src/speaker",
      "src/runtime",
      node,
      "commander",
    ],
  },
  {
    folder: "sandbox",
    may: [
      ...["src/kube", "src/runtime", "src/core/net", "build", node],
      // The demo foretells who announces, to keep the app and the leader off that node.
      "src/core/placement/elect.ts",
      ...["@kubernetes/client-node", "commander", "undici", "yaml"],
    ],
  },
  { folder: "build", may: [node, "esbuild", "yaml"] },
];

/** Words that read a clock, chance, the environment or wait: the core gets all of them as values. */
const impure =
  /\b(Date\.now|new Date|Math\.random|setTimeout|setInterval|setImmediate|process\.|performance\.|globalThis|fetch\()/;

/** Names that say nothing about what is inside. */
const emptyNames = /^(utils?|helpers?|common|misc|manager|index|types|shared|lib)\.ts$/;

const longestFile = 400;

// Written apart, so that this file does not break its own rule.
const unfinished = new RegExp(
  `\\b(${["TO", "FIX", "X"].map((w, i) => w + ["DO", "ME", "XX"][i]).join("|")})\\b`,
);

/** Returns what is wrong with `file`, one sentence for each; empty: nothing. */
export function problemsOf(file: SourceFile): readonly string[] {
  return [
    ...importProblems(file),
    ...purityProblems(file),
    ...lengthProblems(file),
    ...nameProblems(file),
    ...(unfinished.test(file.text)
      ? ["has a note of unfinished work: finish it or file an issue"]
      : []),
  ].map((problem) => `${file.path} ${problem}`);
}

/** Circles of files that import each other, by way of types too. One line each. */
export function circlesOf(files: readonly SourceFile[]): readonly string[] {
  const imports = new Map(files.map((file) => [file.path, importsOf(file)]));
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      circles.push([...way.slice(way.indexOf(path)), path].join(" -> "));
    } else if (!done.has(path)) {
      for (const imported of imports.get(path) ?? []) {
        visit(imported, [...way, path]);
      }
      done.add(path);
    }
  };
  for (const path of imports.keys()) {
    visit(path, []);
  }
  return circles;
}

/** The modules that a text imports, relative ones resolved against its path. */
export function importsOf({ path, text }: SourceFile): readonly string[] {
  const pattern = /(?:^|[\s}])(?:from|import)\s*\(?\s*"([^"\n]+)"/gm;
  return [...text.matchAll(pattern)].map(([, specifier = ""]) =>
    specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : specifier,
  );
}

function importProblems(file: SourceFile): readonly string[] {
  if (!file.path.endsWith(".ts")) {
    return [];
  }
  const rule = ruleFor(file.path);
  const isTest = /^(test|bench)\//.test(file.path);
  return importsOf(file).flatMap((imported) => {
    if (!isTest && imported.startsWith("test/")) {
      return [`imports ${imported}: only tests may import tests`];
    }
    const allowed =
      rule === undefined || [rule.folder, ...rule.may].some((may) => covers(may, imported));
    return allowed ? [] : [`imports ${imported}: ${rule?.folder} may not`];
  });
}

function ruleFor(path: string): FolderRule | undefined {
  return folderRules
    .filter(({ folder }) => covers(folder, path))
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}

function covers(allowed: string, imported: string): boolean {
  return (
    imported === allowed ||
    imported.startsWith(`${allowed}/`) ||
    (allowed === node && imported.startsWith(node))
  );
}

function purityProblems({ path, text }: SourceFile): readonly string[] {
  const found = path.startsWith("src/core/") ? impure.exec(withoutComments(text)) : null;
  return found === null ? [] : [`uses ${found[1]}: the core gets time and chance as values`];
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "");
}

function lengthProblems({ path, text }: SourceFile): readonly string[] {
  const lines = text.split("\n").length - 1;
  return /\.(ts|c|h)$/.test(path) && lines > longestFile
    ? [`has ${lines} lines; ${longestFile} is the limit: split it by idea`]
    : [];
}

function nameProblems({ path }: SourceFile): readonly string[] {
  const name = path.split("/").at(-1) ?? "";
  if (emptyNames.test(name)) {
    return ["has a name that does not say what is inside"];
  }
  return name.endsWith(".ts") && !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config)?\.ts$/.test(name)
    ? ["is not named in kebab-case"]
    : [];
}
