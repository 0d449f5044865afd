import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where kubectl looks, too; undefined: there is none. */
export function homeKubeconfig(): string | undefined {
  const path = join(homedir(), ".kube", "config");
  return existsSync(path) ? path : undefined;
}
