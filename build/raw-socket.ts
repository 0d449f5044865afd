import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** What became of raw-socket. */
export interface RawSocket {
  /** The package's folder when its addon is there. */
  readonly folder: string | undefined;
  /** For people. */
  readonly told: string;
}

/**
 * Compiles the optional dependency raw-socket against the headers of the Node
 * that runs this, once. Without it only the check for foreign hosts by ICMP
 * echo is off.
 */
export async function buildRawSocket(): Promise<RawSocket> {
  const home = await findPackage("raw-socket");
  if (home === undefined) {
    return { folder: undefined, told: "raw-socket is not installed" };
  }
  const addon = join(home, "build", "Release", "raw.node");
  if (await exists(addon)) {
    return { folder: home, told: "raw-socket is built" };
  }
  const nodedir = await findPackage(`node-${process.platform}-${process.arch}`);
  const gyp = require.resolve("node-gyp/bin/node-gyp.js");
  const headers = nodedir === undefined ? [] : [`--nodedir=${nodedir}`];
  try {
    await run(process.execPath, [gyp, "rebuild", "--silent", ...headers], { cwd: home });
    return { folder: home, told: "built raw-socket" };
  } catch (error) {
    const words = error instanceof Error ? (error.message.split("\n").at(-2) ?? "") : String(error);
    return {
      folder: undefined,
      told: `raw-socket could not be built (it is optional): ${words}`,
    };
  }
}

/** The folder of an installed package, or `undefined`. */
async function findPackage(name: string): Promise<string | undefined> {
  for (const folder of require.resolve.paths(name) ?? []) {
    if (await exists(join(folder, name, "package.json"))) {
      return dirname(join(folder, name, "package.json"));
    }
  }
  return undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
