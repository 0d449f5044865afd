import { chmod, readdir, rm } from "node:fs/promises";
import { build as bundle } from "esbuild";
import { buildNative, buildProbe } from "./native.ts";
import { buildRawSocket } from "./raw-socket.ts";

const outDir = "dist";

/**
 * Makes `dist/`: the command `dist/steelyard.js` with the chunks that it loads
 * on demand, the native addon and the probe beside it; and raw-socket where it is installed.
 */
async function build(): Promise<void> {
  const [addon, probe, rawSocket] = await Promise.all([
    buildNative({ outDir }),
    buildProbe({ outDir }),
    buildRawSocket(),
    bundleCommand(),
  ]);
  await chmod(`${outDir}/steelyard.js`, 0o755);
  console.log(`built ${outDir}/steelyard.js, ${addon} and ${probe}; ${rawSocket}`);
}

async function bundleCommand(): Promise<void> {
  const { metafile } = await bundle({
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
    logLevel: "warning",
    metafile: true,
  });
  await removeStaleChunks(Object.keys(metafile.outputs));
}

/** Last of all, so that a command that starts meanwhile finds its chunks. */
async function removeStaleChunks(outputs: readonly string[]): Promise<void> {
  const folder = `${outDir}/chunks`;
  const stale = (await readdir(folder)).filter((file) => !outputs.includes(`${folder}/${file}`));
  await Promise.all(stale.map((file) => rm(`${folder}/${file}`)));
}

await build();
