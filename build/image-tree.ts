import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Bundle } from "./bundle.ts";
import { licenceTexts } from "./licenses.ts";

/** Where the tree lies, relative to the project; the Dockerfile copies it to `/`. */
export const imageTree = "dist/image";

/** The files of the image by their path below its root. */
type Files = Map<string, { readonly content: Buffer | string; readonly executable: boolean }>;

/** What {@link layImageTree} puts together. */
export interface ImageParts {
  readonly outDir: string;
  readonly bundle: Bundle;
  /** The package raw-socket with its compiled addon, or `undefined` where it is not built. */
  readonly rawSocket: string | undefined;
}

/**
 * Makes `dist/image/` hold exactly the files that the image adds to its base, with
 * the modes that they have there whatever this machine's umask is. A file that
 * is as it should be is not touched; others are replaced in one step, so that a
 * process which runs from the tree meanwhile is not disturbed; what is stale goes last.
 */
export async function layImageTree(parts: ImageParts): Promise<void> {
  const files = await filesOf(parts);
  for (const [path, { content, executable }] of files) {
    await put(join(imageTree, path), Buffer.from(content), executable ? 0o755 : 0o644);
  }
  await removeOthers(imageTree, new Set([...files.keys()].map((path) => join(imageTree, path))));
  await openFolders(imageTree);
}

async function filesOf({ outDir, bundle, rawSocket }: ImageParts): Promise<Files> {
  const files: Files = new Map();
  const add = async (path: string, source: string, executable = false): Promise<void> => {
    files.set(path, { content: await readFile(source), executable });
  };
  for (const script of bundle.scripts) {
    // Who copies it out of the image links it into his PATH, as a plugin of kubectl.
    const isCommand = script === join(outDir, "steelyard.js");
    await add(join("steelyard", relative(outDir, script)), script, isCommand);
  }
  await add("steelyard/steelyard.node", join(outDir, "steelyard.node"));
  await add("steelyard-probe", join(outDir, "steelyard-probe"), true);
  if (rawSocket !== undefined) {
    for (const file of ["package.json", "index.js", "build/Release/raw.node"]) {
      await add(join("steelyard/node_modules/raw-socket", file), join(rawSocket, file));
    }
  }
  await add("steelyard/LICENSE", "LICENSE");
  const packages = [...bundle.packages, ...(rawSocket === undefined ? [] : [rawSocket])];
  files.set("steelyard/THIRD-PARTY-LICENSES", {
    content: await licenceTexts(packages),
    executable: false,
  });
  files.set("steelyard/package.json", { content: await packageFile(), executable: false });
  return files;
}

/** Without it Node would have to guess that these are modules, and would warn. */
async function packageFile(): Promise<string> {
  const { name, version, license, type } = JSON.parse(await readFile("package.json", "utf8"));
  return `${JSON.stringify({ name, version, license, type }, undefined, 2)}\n`;
}

async function put(path: string, content: Buffer, mode: number): Promise<void> {
  const present = await readFile(path).catch(() => undefined);
  if (present?.equals(content) !== true) {
    await mkdir(dirname(path), { recursive: true });
    const aside = `${path}.${process.pid}`;
    await writeFile(aside, content);
    await rename(aside, path);
  }
  await chmod(path, mode);
}

async function removeOthers(folder: string, keep: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const isWanted = [...keep].some((one) => one === path || one.startsWith(`${path}/`));
    if (!isWanted) {
      await rm(path, { recursive: true });
    } else if (entry.isDirectory()) {
      await removeOthers(path, keep);
    }
  }
}

async function openFolders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      await openFolders(join(folder, entry.name));
    }
  }
}

/** One line for each file of the tree, with its mode and size in bytes, and one with the sum. */
export async function describeImageTree(): Promise<readonly string[]> {
  const entries = await readdir(imageTree, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const lines: string[] = [];
  let total = 0;
  for (const path of paths) {
    const { size, mode } = await stat(path);
    total += size;
    const columns = [(mode & 0o777).toString(8), `${size}`.padStart(9)];
    lines.push(`${columns.join(" ")} /${relative(imageTree, path)}`);
  }
  return [...lines, `${total} bytes in ${imageTree}, for ${process.platform} ${process.arch}`];
}
