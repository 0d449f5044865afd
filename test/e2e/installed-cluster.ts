import type { V1Service } from "@kubernetes/client-node";
import type { LanClient } from "../../sandbox/client.ts";
import { apply, images, installSteelyard } from "../../sandbox/installation.ts";
import type { Images } from "../../sandbox/kubelet/image.ts";
import type { SandboxNode } from "../../sandbox/node.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { ClusterApi } from "./cluster-api.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";

/** A real cluster with Steelyard in it, as an admin installs it. */
export interface InstalledCluster {
  readonly sandbox: Sandbox;
  readonly api: ClusterApi;
  readonly client: LanClient;
  stop(): Promise<void>;
}

export interface InstallOptions {
  /** Default: 3. */
  readonly nodes?: number;
  /** Hosts on the LAN that are no nodes. Default: 1. */
  readonly clients?: number;
  /** What Pods run beside Steelyard and the example app. */
  readonly images?: Images;
  /** What is done to the cluster before Steelyard comes. */
  readonly before?: (sandbox: Sandbox, api: ClusterApi) => Promise<void>;
}

/** Starts a cluster, installs Steelyard and resolves when all its Pods are ready. */
export async function startInstalled(options: InstallOptions = {}): Promise<InstalledCluster> {
  const sandbox = await startSandbox({
    nodes: options.nodes ?? 3,
    clients: options.clients ?? 1,
    images: new Map([...images, ...(options.images ?? [])]),
  });
  const api = await ClusterApi.open(sandbox.kubeconfigPath);
  const [client] = sandbox.clients;
  if (client === undefined) {
    throw new Error("the sandbox has no client");
  }
  const stop = async (): Promise<void> => {
    await api.close();
    await sandbox.stop();
  };
  try {
    await options.before?.(sandbox, api);
    await installSteelyard(sandbox);
    return { sandbox, api, client, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Runs the app behind the test's Services and waits until it is there. */
export async function startExampleApp(sandbox: Sandbox): Promise<void> {
  await apply(sandbox, new URL("../../sandbox/demo/example-app.yaml", import.meta.url).pathname);
  await kubectl(sandbox, ["rollout", "status", "deployment/my-example-app", "--timeout=60s"]);
}

/** Makes kubectl an admin who may write what only Steelyard may: see docs/security.md. */
export const breakGlass: readonly string[] = [
  "--as=admin",
  "--as-group=steelyard:break-glass",
  "--as-group=system:masters",
];

/** What kubectl prints. Throws with its words when it fails. */
export async function kubectl(sandbox: Sandbox, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.kubectl(args);
  if (code !== 0) {
    throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  }
  return stdout;
}

/**
 * Takes the webhook away for good, and writes what it refuses: that gets in while no controller
 * answers, or from an older version.
 */
export async function writeUnjudged(
  { sandbox }: Pick<InstalledCluster, "sandbox">,
  write: () => Promise<void>,
): Promise<void> {
  const registration = ["validatingwebhookconfiguration", "steelyard-webhook"];
  await kubectl(sandbox, ["delete", ...registration, "--ignore-not-found"]);
  await eventually("a write that no webhook judges", async () => {
    await write();
    return true;
  });
}

/**
 * Asks until the answer is neither undefined nor false, and returns it. Patient: how long
 * something takes is no test's business. Throws after `patienceMs` with the last error.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  patienceMs = 90_000,
): Promise<T> {
  const deadline = systemClock.now() + patienceMs;
  let problem: unknown;
  while (systemClock.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) {
        return answer;
      }
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    await systemClock.sleep(50);
  }
  throw new Error(`waited in vain for this: ${what}`, { cause: problem });
}

/** The Service once its condition AddressAssigned is there with this status. */
export async function decided(
  api: ClusterApi,
  status: "True" | "False",
  name: string,
  namespace = "default",
): Promise<V1Service> {
  return await eventually(`AddressAssigned=${status} on ${namespace}/${name}`, async () => {
    const service = await api.service(name, namespace);
    return conditionOf(service, "AddressAssigned")?.status === status ? service : undefined;
  });
}

/** Creates Services of these names, all at once; resolves to the address that each one got. */
export async function createServed(
  api: ClusterApi,
  names: readonly string[],
): Promise<readonly string[]> {
  await Promise.all(names.map((name) => api.createService({ name })));
  const services = await Promise.all(names.map((name) => decided(api, "True", name)));
  return services.map((service) => addressesOf(service)[0] ?? "");
}

/** The node that answers ARP for an address at the client now; undefined when none does. */
export async function answererOf(
  { sandbox, client }: Pick<InstalledCluster, "sandbox" | "client">,
  address: string,
): Promise<SandboxNode | undefined> {
  const { stdout } = await client.exec(["arping", "-C", "1", "-w", "1", "-i", "eth0", address]);
  const mac = /from ([0-9a-f:]{17}) /.exec(stdout)?.[1];
  return sandbox.nodes.find((node) => node.mac === mac);
}
