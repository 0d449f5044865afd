import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findGo } from "../../sandbox/kube/go-build.ts";

/** MetalLB's Go module. */
export const modulePath = "go.universe.tf/metallb";

const goMod = fileURLToPath(new URL("./go.mod", import.meta.url));

/** The release that `go.mod` pins, without the `v`. */
export function metalLbVersion(): string {
  const version = /^\s*go\.universe\.tf\/metallb v(\S+)/m.exec(readFileSync(goMod, "utf8"))?.[1];
  if (version === undefined) {
    throw new Error(`${goMod} names no version of ${modulePath}`);
  }
  return version;
}

/**
 * Returns the folder of MetalLB's sources, read-only: in Go's module cache, or, once, fetched
 * into it through Go's module proxy. Throws with what would help.
 */
export async function metalLbSources(): Promise<string> {
  const go = await findGo();
  if (go === undefined) {
    throw new Error("MetalLB's sources come with Go 1.21 or newer: install it (https://go.dev/dl)");
  }
  const module = `${modulePath}@v${metalLbVersion()}`;
  // Outside of any module, and by the Go that is there: this only fetches.
  const options = { cwd: tmpdir(), env: { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "" } };
  try {
    const { stdout } = await promisify(execFile)(
      go.path,
      ["mod", "download", "-json", module],
      options,
    );
    return (JSON.parse(stdout) as { readonly Dir: string }).Dir;
  } catch (cause) {
    const remedy = `go mod download ${module}`;
    throw new Error(`MetalLB's sources cannot be had; with network, run: ${remedy}`, { cause });
  }
}
