import { writeFile } from "node:fs/promises";
import type { KeyPair } from "../src/runtime/certificate-authority.ts";
import { apiServer } from "./addresses.ts";

/** Where the API server answers, as a client of any namespace with a management address sees it. */
export const apiServerUrl = `https://${apiServer.address}:${apiServer.port}`;

/** Writes a kubeconfig with everything embedded, readable by its owner only. */
export async function writeKubeconfig(
  path: string,
  authority: string,
  client: KeyPair,
): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const name = "steelyard-sandbox";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name, cluster: { server: apiServerUrl, "certificate-authority-data": base64(authority) } },
    ],
    users: [
      {
        name,
        user: {
          "client-certificate-data": base64(client.cert),
          "client-key-data": base64(client.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  // JSON is YAML, and kubectl and client-go read it as such.
  await writeFile(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
}
