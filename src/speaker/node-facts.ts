import { readdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { familyOf, type IpAddress } from "../core/net/ip-address.ts";
import { loadAccess } from "../kube/load-access.ts";
import { Transport } from "../kube/transport.ts";
import { readDefaultGateways } from "../link/default-gateways.ts";
import { askForEcho, type EchoOutcome } from "../link/icmp-echo.ts";
import { Link } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import { silentLog } from "../runtime/log.ts";
import { type ExcludedInterfaces, readExcludedInterfaces } from "./excluded-interfaces.ts";
import type { InterfaceSettings, NodeFacts } from "./node-needs.ts";

const settingsFolder = "/proc/sys/net/ipv4/conf";
const apiTimeoutMs = 5_000;

/** Finds out what {@link NodeFacts} lists. Changes nothing; sends an ICMP echo to the gateway. */
export async function readNodeFacts(options: {
  readonly kubeconfig: string | undefined;
  readonly excludedInterfacesFile: string;
  readonly clock: Clock;
}): Promise<NodeFacts> {
  const { clock } = options;
  const excluded = await readExcludedInterfaces(options.excludedInterfacesFile);
  const defaultGateways = readDefaultGateways();
  const [apiServer, echo, link] = await Promise.all([
    askApiServer(options),
    askGateway(defaultGateways, clock),
    lookAtLink(excluded),
  ]);
  return {
    capabilities: readCapabilities(),
    ...link,
    settings: readSettings(),
    forwarding: readNumber("/proc/sys/net/ipv4/ip_forward") === 1,
    kernel: release(),
    defaultGateways,
    echo,
    apiServer,
  };
}

function readCapabilities(): NodeFacts["capabilities"] {
  const status = readFileSync("/proc/self/status", "utf8");
  const set = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0"}`);
  return { effective: set("CapEff"), bounding: set("CapBnd") };
}

/** Opens the link as the speaker does, looks, and closes it. */
async function lookAtLink(
  excluded: ExcludedInterfaces,
): Promise<Pick<NodeFacts, "interfaces" | "packetSocketError">> {
  const link = new Link({ onEvents: () => undefined, log: silentLog });
  try {
    link.open();
    return { interfaces: excluded.mark(link.interfaces()), packetSocketError: undefined };
  } catch (error) {
    return { interfaces: [], packetSocketError: messageOf(error) };
  } finally {
    await link.close();
  }
}

function readSettings(): ReadonlyMap<string, InterfaceSettings> {
  const knob = (folder: string, name: string): number =>
    readNumber(`${settingsFolder}/${folder}/${name}`);
  return new Map(
    readdirSync(settingsFolder).map((folder) => [
      folder,
      {
        arpIgnore: knob(folder, "arp_ignore"),
        arpAnnounce: knob(folder, "arp_announce"),
        rpFilter: knob(folder, "rp_filter"),
      },
    ]),
  );
}

/** 0 for what is not there: an interface may go while we look. */
function readNumber(path: string): number {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return 0;
  }
}

async function askGateway(
  gateways: readonly IpAddress[],
  clock: Clock,
): Promise<EchoOutcome | undefined> {
  const gateway = gateways.find((address) => familyOf(address) === 4);
  return gateway === undefined ? undefined : await askForEcho(gateway, { clock });
}

async function askApiServer(options: {
  readonly kubeconfig: string | undefined;
  readonly clock: Clock;
}): Promise<NodeFacts["apiServer"]> {
  const { kubeconfig, clock } = options;
  const inPod = (process.env["KUBERNETES_SERVICE_HOST"] ?? "") !== "";
  if (kubeconfig === undefined && !inPod) {
    return { kind: "unknown" };
  }
  let transport: Transport | undefined;
  try {
    transport = new Transport({ access: await loadAccess(options), log: silentLog, clock });
    const answer = await transport.request({
      method: "GET",
      path: "/version",
      timeoutMs: apiTimeoutMs,
    });
    return { kind: "reached", version: String((answer as { gitVersion?: string }).gitVersion) };
  } catch (error) {
    return { kind: "failed", error: messageOf(error) };
  } finally {
    await transport?.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
