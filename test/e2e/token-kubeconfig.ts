import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apiServerUrl } from "../../sandbox/kubeconfig.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { kubectl } from "./installed-cluster.ts";

/** Writes a kubeconfig for whoever has `token` into `directory`, and returns its path. */
export async function writeTokenKubeconfig(
  sandbox: Sandbox,
  directory: string,
  name: string,
  token: string,
): Promise<string> {
  const raw = await kubectl(sandbox, ["config", "view", "--raw", "-o", "json"]);
  const [{ cluster }] = JSON.parse(raw).clusters;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "sandbox", cluster: { ...cluster, server: apiServerUrl } }],
    users: [{ name, user: { token: token.trim() } }],
    contexts: [{ name: "sandbox", context: { cluster: "sandbox", user: name } }],
    "current-context": "sandbox",
  };
  const file = join(directory, `${name}.kubeconfig`);
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
