import { readFile } from "node:fs/promises";
import { type Sandbox, type SandboxOptions, startSandbox } from "../sandbox/sandbox.ts";
import { type Contender, kubectl } from "./contender.ts";
import { configuration, ServiceFleet } from "./service-fleet.ts";

/** One contender, installed and configured in a cluster of its own, and who creates Services in it. */
export interface Scene {
  readonly sandbox: Sandbox;
  readonly contender: Contender;
  readonly fleet: ServiceFleet;
}

/**
 * Runs `act` in a fresh cluster with a client, then takes it down. When it
 * throws, the contender's last words are printed first.
 */
export async function withFleet<T>(
  contender: Contender,
  cluster: Pick<SandboxOptions, "nodes" | "proxyMinSyncSeconds">,
  print: (line: string) => void,
  act: (scene: Scene) => Promise<T>,
): Promise<T> {
  const sandbox = await startSandbox({ ...cluster, clients: 1, images: contender.images });
  try {
    await contender.install(sandbox);
    await kubectl(sandbox, ["apply", "-f", "-"], configuration);
    const fleet = await ServiceFleet.start(sandbox);
    try {
      return await act({ sandbox, contender, fleet });
    } finally {
      const missed = await fleet.close();
      if (missed > 0) {
        print(
          `${contender.name}: ${missed} ARP frames were not caught: gratuitous ones may be told late`,
        );
      }
    }
  } catch (error) {
    await printLogs(sandbox, contender, print);
    throw error;
  } finally {
    await sandbox.stop();
  }
}

async function printLogs(
  sandbox: Sandbox,
  contender: Contender,
  print: (line: string) => void,
): Promise<void> {
  const { stdout } = await sandbox.kubectl(["-n", contender.namespace, "describe", "pods"]);
  print(stdout.split("\n").slice(-40).join("\n"));
  for (const file of await sandbox.podLogs()) {
    const lines = (await readFile(file, "utf8")).split("\n");
    print(`--- ${file}\n${lines.slice(-15).join("\n")}`);
  }
}
