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
 * that runs this, unless its addon is there and this Node can load it. Without
 * it only the check for foreign hosts by ICMP echo is off. `home` is the
 * package's folder, where it is not the installed one.
 */
export async function buildRawSocket(options: { readonly home?: string } = {}): Promise<RawSocket> {
  const home = options.home ?? (await findPackage("raw-socket"));
  if (home === undefined) {
    return { folder: undefined, told: "raw-socket is not installed" };
  }
  if ((await whyNotLoaded(home)) === undefined) {
    return { folder: home, told: "raw-socket is built" };
  }
  const nodedir = await findPackage(`node-${process.platform}-${process.arch}`);
  const gyp = require.resolve("node-gyp/bin/node-gyp.js");
  const headers = nodedir === undefined ? [] : [`--nodedir=${nodedir}`];
  const failure =
    (await whyNot([gyp, "rebuild", "--silent", ...headers], home)) ?? (await whyNotLoaded(home));
  return failure === undefined
    ? { folder: home, told: "built raw-socket" }
    : {
        folder: undefined,
        told: `raw-socket could not be built (it is optional): ${failure}`,
      };
}

/** Asks a process of its own: an addon that does not fit may bring more down than a `require`. */
function whyNotLoaded(home: string): Promise<string | undefined> {
  return whyNot(["-e", "require(process.argv[1])", home], home);
}

/** Runs this Node with `args`: the last words of its failure, or `undefined` when it went well. */
async function whyNot(args: readonly string[], cwd: string): Promise<string | undefined> {
  try {
    await run(process.execPath, args, { cwd, env: withoutNpmConfig(process.env) });
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : String(error);
  }
}

/**
 * To node-gyp a user's npm setting `nodedir`, which npm hands down in the
 * environment, counts more than our flag: it would compile against another Node.
 */
function withoutNpmConfig(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^npm_(package_)?config_/i.test(name)),
  );
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
