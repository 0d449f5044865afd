import { readFile } from "node:fs/promises";
import type { Clock } from "../runtime/clock.ts";
import { type ClusterAccess, tokenRereadMs } from "./access.ts";

/** Where Kubernetes puts a Pod's credentials. */
const serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Access with a Pod's service account. `directory` is where its token and CA are mounted. */
export function inClusterAccess(
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  directory = serviceAccountDirectory,
): ClusterAccess {
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host === undefined || host === "") {
    throw new Error(
      "there is no kubeconfig, and this is no Pod (KUBERNETES_SERVICE_HOST is not set): name one with --kubeconfig",
    );
  }
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "443";
  const token = new RereadFile(`${directory}/token`, clock);
  return {
    url: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    tls: async () => ({ ca: await readFile(`${directory}/ca.crt`) }),
    authorization: async () => `Bearer ${await token.text()}`,
    refused: () => token.forget(),
  };
}

/** The text of a small file that somebody else replaces now and then. */
class RereadFile {
  readonly #path: string;
  readonly #clock: Clock;
  #held: { readonly text: string; readonly readAt: number } | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async text(): Promise<string> {
    const now = this.#clock.now();
    if (this.#held === undefined || now - this.#held.readAt >= tokenRereadMs) {
      const text = (await readFile(this.#path, "utf8")).trim();
      this.#held = { text, readAt: now };
    }
    return this.#held.text;
  }

  forget(): void {
    this.#held = undefined;
  }
}
