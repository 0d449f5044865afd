import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runOrThrow } from "./command.ts";
import { onlyRootIsMapped } from "./wrapper.ts";

/**
 * The command line of a `tcpdump` that works in this wrapper; helpers are made in `directory`.
 *
 * As root it is the machine's. In a user namespace it gets `keep-groups.c` preloaded, in a copy
 * under another path: a distribution's AppArmor profile for tcpdump would refuse the library.
 * Throws when `tcpdump` or, for the latter, a C compiler is missing.
 */
export async function tcpdumpCommand(directory: string): Promise<readonly string[]> {
  if (!onlyRootIsMapped()) {
    return ["tcpdump"];
  }
  const library = join(directory, "keep-groups.so");
  const copy = join(directory, "tcpdump");
  if (!existsSync(library)) {
    const path = (await runOrThrow(["sh", "-c", "command -v tcpdump"])).trim();
    await copyFile(path, copy);
    const source = fileURLToPath(new URL("./keep-groups.c", import.meta.url));
    await runOrThrow(["cc", "-shared", "-fPIC", "-o", library, source]);
  }
  return ["env", `LD_PRELOAD=${library}`, copy];
}
