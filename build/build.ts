import { bundleCommand } from "./bundle.ts";
import { describeImageTree, imageTree, layImageTree } from "./image-tree.ts";
import { buildNative, buildProbe } from "./native.ts";
import { buildRawSocket } from "./raw-socket.ts";

const outDir = "dist";

/**
 * Makes `dist/`: the command `dist/steelyard.js` with the chunks that it loads
 * on demand, the native addon and the probe beside it; raw-socket where it is
 * installed; and of all that `dist/image/`, the files of the container image.
 * With `--list` it prints these.
 */
async function build(): Promise<void> {
  const [addon, probe, rawSocket, bundle] = await Promise.all([
    buildNative({ outDir }),
    buildProbe({ outDir }),
    buildRawSocket(),
    bundleCommand(outDir),
  ]);
  await layImageTree({ outDir, bundle, rawSocket: rawSocket.folder });
  const made = [`${outDir}/steelyard.js`, addon, probe, `${imageTree}/`];
  console.log(`built ${made.join(", ")}; ${rawSocket.told}`);
  if (process.argv.includes("--list")) {
    console.log((await describeImageTree()).join("\n"));
  }
}

await build();
