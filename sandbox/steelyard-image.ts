import { execFileSync } from "node:child_process";
import { readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { imageEntrypoint } from "../build/dockerfile.ts";
import { imageTree } from "../build/image-tree.ts";
import type { ImageTree } from "./kubelet/image.ts";

/** Where the image's base has Node. */
const nodePath = "/nodejs/bin/node";

/**
 * The image of Steelyard as the Dockerfile makes it: the files of `dist/image`, and in place of
 * the base a Node with the C and C++ libraries that it is linked to.
 */
export const steelyardImage: ImageTree = {
  entrypoint: imageEntrypoint(),
  files: () => new Map([...nodeWithLibraries(), ...filesOfTree()]),
};

function filesOfTree(): readonly (readonly [string, string])[] {
  const folder = fileURLToPath(new URL(`../${imageTree}`, import.meta.url));
  try {
    return readdirSync(folder).map((name) => [`/${name}`, join(folder, name)]);
  } catch (error) {
    throw new Error(`no image of Steelyard in ${folder}: run npm run image:tree`, { cause: error });
  }
}

let base: readonly (readonly [string, string])[] | undefined;

/**
 * This machine's Node as the base has it, and each library that it is linked to where the loader
 * looks for it: path in the container and here.
 */
export function nodeWithLibraries(): readonly (readonly [string, string])[] {
  base ??= [[nodePath, realpathSync(process.execPath)], ...librariesOf(process.execPath)];
  return base;
}

function librariesOf(program: string): readonly (readonly [string, string])[] {
  const said = execFileSync("ldd", [program], { encoding: "utf8" });
  return said.split("\n").flatMap((line) => {
    const path = /(?:^\s+|=> )(\/\S+) \(0x/.exec(line)?.[1];
    return path === undefined ? [] : [[path, realpathSync(path)] as const];
  });
}
