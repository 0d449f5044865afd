import { chmod, rm } from "node:fs/promises";
import { build as bundle } from "esbuild";
import { buildNative } from "./native.ts";
import { buildRawSocket } from "./raw-socket.ts";

const outDir = "dist";

/**
 * Makes `dist/`: the command `dist/steelyard.js` with the chunks that it loads
 * on demand, and the native addon beside it; and raw-socket where it is installed.
 */
async function build(): Promise<void> {
  await rm(`${outDir}/chunks`, { recursive: true, force: true });
  const [addon, rawSocket] = await Promise.all([
    buildNative({ outDir }),
    buildRawSocket(),
    bundleCommand(),
  ]);
  await chmod(`${outDir}/steelyard.js`, 0o755);
  console.log(`built ${outDir}/steelyard.js and ${addon}; ${rawSocket}`);
}

async function bundleCommand(): Promise<void> {
  await bundle({
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
  });
}

await build();
