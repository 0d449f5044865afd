import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, resolve } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { parse } from "yaml";
import type { Clock } from "../runtime/clock.ts";
import { type ClusterAccess, type TlsMaterial, tokenRereadMs } from "./access.ts";

/** What client-node fills in of a request's options. */
interface FilledOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  rejectUnauthorized?: boolean;
  servername?: string;
  auth?: string;
  headers?: Record<string, string>;
}

/**
 * Access through a kubeconfig file, or several as `KUBECONFIG` lists them, with all that it may hold: certificates,
 * tokens, token files, exec plugins.
 *
 * The file is read again every minute and after a 401, but not while an exec
 * plugin's credential is still good, since that would run the plugin.
 * @param context its context to use; undefined: its current one
 * @throws Error when the file cannot be read or names no cluster
 */
export async function kubeconfigAccess(
  path: string,
  clock: Clock,
  context?: string,
): Promise<ClusterAccess> {
  const { KubeConfig: Config } = await import("@kubernetes/client-node");
  const files = filesOf(path);
  const load = (): KubeConfig => {
    const loaded = files.map((file) => {
      const one = new Config();
      try {
        one.loadFromFile(file);
      } catch (error) {
        throw new Error(`cannot read kubeconfig ${file}`, { cause: error });
      }
      return one;
    });
    const config = new Config();
    // As kubectl does: of a name, and of the current context, the first file that has it counts.
    config.clusters = firstOfEach(loaded.flatMap(({ clusters }) => clusters));
    config.users = firstOfEach(loaded.flatMap(({ users }) => users));
    config.contexts = firstOfEach(loaded.flatMap(({ contexts }) => contexts));
    const current = loaded
      .map((one) => one.getCurrentContext())
      .find((name) => (name ?? "") !== "");
    config.setCurrentContext(context ?? current ?? "");
    const user = config.getCurrentUser();
    const token =
      user === null
        ? undefined
        : files.map((file) => tokenFromFile(file, user.name)).find((one) => one !== undefined);
    if (user !== null && token !== undefined) {
      config.users = [{ ...user, token }];
    }
    return config;
  };
  let config = load();
  let readAt = clock.now();
  let stale = false;

  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const which = context === undefined ? "its current-context" : `the context ${context}`;
    throw new Error(`kubeconfig ${path} has no cluster for ${which}`);
  }
  if (cluster.proxyUrl !== undefined) {
    throw new Error(
      `kubeconfig ${path}: proxy-url is not supported; reach the API server directly`,
    );
  }

  const fill = async (): Promise<FilledOptions> => {
    const old = clock.now() - readAt >= tokenRereadMs;
    if (stale || (old && config.getCurrentUser()?.exec == null)) {
      config = load();
      readAt = clock.now();
      stale = false;
    }
    const options: FilledOptions = {};
    await config.applyToHTTPSOptions(options as Parameters<KubeConfig["applyToHTTPSOptions"]>[0]);
    return options;
  };
  let filling: Promise<FilledOptions> | undefined;
  // Many ask at once when a process starts: an exec plugin runs for all of them together.
  const filled = (): Promise<FilledOptions> => {
    filling ??= fill().finally(() => {
      filling = undefined;
    });
    return filling;
  };
  return {
    url: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    tls: async () => tlsOf(await filled()),
    authorization: async () => {
      const { headers, auth } = await filled();
      return auth === undefined
        ? headers?.["Authorization"]
        : `Basic ${Buffer.from(auth).toString("base64")}`;
    },
    refused: () => {
      stale = true;
    },
  };
}

function firstOfEach<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return items.filter(({ name }, index) => items.findIndex((it) => it.name === name) === index);
}

/** Of a list those files that exist, as kubectl does; a single one has to. */
function filesOf(path: string): readonly string[] {
  const listed = path.split(delimiter).filter((file) => file !== "");
  const present = listed.filter((file) => existsSync(file));
  return present.length === 0 ? listed.slice(0, 1) : present;
}

/** The content of the user's `tokenFile`, which client-node does not know. It goes before `token`. */
function tokenFromFile(path: string, userName: string): string | undefined {
  const document: unknown = parse(readFileSync(path, "utf8"));
  const { users } = document as { users?: { name?: string; user?: { tokenFile?: string } }[] };
  const file = users?.find((user) => user.name === userName)?.user?.tokenFile;
  return file === undefined ? undefined : readFileSync(resolve(dirname(path), file), "utf8").trim();
}

function tlsOf(options: FilledOptions): TlsMaterial {
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  };
}
