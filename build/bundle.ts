import { chmod, readdir, rm } from "node:fs/promises";
import { basename } from "node:path";
import { build } from "esbuild";
import { undiciParts } from "./undici-parts.ts";

/** What the bundler made, as far as others need to know. */
export interface Bundle {
  /** Files that it made, relative to the project: the command and its chunks. */
  readonly scripts: readonly string[];
  /** Folders of the npm packages whose code is inside, sorted. */
  readonly packages: readonly string[];
}

/**
 * Makes `<outDir>/steelyard.js` and the chunks that it loads on demand. Names are
 * kept as they are in the sources, so that a stack trace says something without
 * its source map. Throws with the bundler's words.
 */
export async function bundleCommand(outDir: string): Promise<Bundle> {
  const { metafile } = await build({
    entryPoints: { steelyard: "src/cli/main.ts" },
    outdir: outDir,
    bundle: true,
    splitting: true,
    platform: "node",
    target: "node22",
    format: "esm",
    sourcemap: true,
    legalComments: "linked",
    chunkNames: "chunks/[name]-[hash]",
    // CommonJS dependencies inside the bundle call require for Node's own modules.
    banner: {
      js: [
        "#!/usr/bin/env node",
        'import { createRequire as steelyardRequire } from "node:module";',
        "const require = steelyardRequire(import.meta.url);",
      ].join("\n"),
    },
    plugins: [undiciParts],
    logLevel: "warning",
    metafile: true,
  });
  const outputs = Object.keys(metafile.outputs);
  await removeStaleChunks(`${outDir}/chunks`, outputs);
  await chmod(`${outDir}/steelyard.js`, 0o755);
  return {
    scripts: outputs.filter((path) => path.endsWith(".js")).sort(),
    packages: packagesAmong(Object.keys(metafile.inputs)),
  };
}

/** Last of all, so that a command that starts meanwhile finds its chunks. */
async function removeStaleChunks(folder: string, outputs: readonly string[]): Promise<void> {
  const current = new Set(outputs.map((path) => basename(path)));
  const stale = (await readdir(folder)).filter((file) => !current.has(file));
  await Promise.all(stale.map((file) => rm(`${folder}/${file}`)));
}

function packagesAmong(inputs: readonly string[]): readonly string[] {
  const folders = inputs.flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}
