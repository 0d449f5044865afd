import { readdirSync, readFileSync } from "node:fs";
import { apiServer, gateway, type Host, kubernetesService, type NodeHost } from "./addresses.ts";
import { inNetns, runOrThrow } from "./command.ts";

/** The namespace that holds the LAN's bridge: no host's firewall or routing is near it. */
export const switchNetns = "lan-switch";

/**
 * What every namespace is set to before it gets interfaces: no duplicate address detection (it
 * would cost a second per address), forwarding, no reverse path filter (the distribution's choice
 * is inherited otherwise), and addresses that stay when a cable is pulled at the node.
 */
const settings = `
cd /proc/sys/net || exit 1
for file in ipv6/conf/default/accept_dad ipv6/conf/all/accept_dad ipv6/conf/default/accept_ra \\
  ipv4/conf/default/rp_filter ipv4/conf/all/rp_filter; do echo 0 > $file || exit 1; done
for file in ipv4/ip_forward ipv6/conf/all/forwarding ipv6/conf/default/forwarding \\
  ipv6/conf/default/keep_addr_on_down ipv6/conf/all/keep_addr_on_down; do echo 1 > $file || exit 1; done
for file in bridge/bridge-nf-call-*; do if [ -e $file ]; then echo 0 > $file || exit 1; fi; done
ip link set lo up`;

/** Builds both networks, with every host attached, from nothing. */
export async function createTopology(
  nodes: readonly NodeHost[],
  clients: readonly Host[],
): Promise<void> {
  const hosts = [gateway, ...clients, ...nodes];
  await ipBatch([switchNetns, ...hosts.map(({ name }) => name)].map((name) => `netns add ${name}`));
  await Promise.all([
    runOrThrow(["sh", "-c", settings]),
    ...[switchNetns, ...hosts.map(({ name }) => name)].map(applySettings),
  ]);
  await ipBatch([
    "link add mgmt0 type bridge forward_delay 0 mcast_snooping 0",
    `address add ${apiServer.address}/24 dev mgmt0`,
    "link set mgmt0 up",
  ]);
  await ipBatch(
    ["link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set br0 up"],
    switchNetns,
  );
  await ipBatch([...hosts.flatMap(lanCable), ...nodes.flatMap(managementCable)]);
  await Promise.all([
    ipBatch(
      hosts.map(({ name }) => `link set ${name} master br0 up`),
      switchNetns,
    ),
    ...[gateway, ...clients].map((host) => ipBatch(lanAddresses(host), host.name)),
    ...nodes.map((node) => ipBatch(nodeAddresses(node, nodes), node.name)),
  ]);
}

/**
 * Replaces one node's namespace by a fresh one, as a reboot does: no firewall rules, neighbours
 * or connections of before remain. Only call it when no process is left in the old one.
 */
export async function recreateNode(node: NodeHost, nodes: readonly NodeHost[]): Promise<void> {
  // By itself the kernel removes the cables some time after their namespace.
  await ipBatch([`link delete ${node.name}`], switchNetns);
  await ipBatch([
    `link delete ${managementPort(node)}`,
    `netns delete ${node.name}`,
    `netns add ${node.name}`,
  ]);
  await applySettings(node.name);
  await ipBatch([...lanCable(node), ...managementCable(node)]);
  await ipBatch([`link set ${node.name} master br0 up`], switchNetns);
  await ipBatch(nodeAddresses(node, nodes), node.name);
}

/**
 * Removes every named namespace and every management port, also what a broken start has left: in a
 * wrapper nobody else makes any. Nothing may be running in them.
 */
export async function deleteTopology(): Promise<void> {
  const devices = readFileSync("/proc/net/dev", "utf8").matchAll(/^\s*(mgmt[\d-]+):/gm);
  await ipBatch([
    ...[...devices].map(([, device]) => `link delete ${device}`),
    ...readdirSync("/run/netns").map((name) => `netns delete ${name}`),
  ]);
}

/**
 * Sets both of a node's ports down where the other end cannot notice first: at the switch. The
 * management network goes first: who has no power tells nobody that the LAN went.
 */
export async function disconnectNode(node: NodeHost): Promise<void> {
  await ipBatch([`link set ${managementPort(node)} down`]);
  await setSwitchPort(node, "down");
}

/** Sets a host's port of the LAN's switch; while it is down the host has no carrier on `eth0`. */
export async function setSwitchPort(host: Host, state: "up" | "down"): Promise<void> {
  await ipBatch([`link set ${host.name} ${state}`], switchNetns);
}

/** Disables `eth0` inside a node. Addresses of IPv6 stay; routes go, as the kernel has it. */
export async function disableInterface(node: NodeHost): Promise<void> {
  await ipBatch(["link set eth0 down"], node.name);
}

/** Enables `eth0` inside a node again, with the routes that went. */
export async function enableInterface(node: NodeHost, nodes: readonly NodeHost[]): Promise<void> {
  await ipBatch(["link set eth0 up", ...lanRoutes(node, nodes)], node.name);
}

/** Runs many `ip` commands in one process, in a namespace if given. Throws at the first that fails. */
async function ipBatch(commands: readonly string[], netns?: string): Promise<void> {
  const argv = ["ip", ...(netns === undefined ? [] : ["-n", netns]), "-batch", "-"];
  try {
    await runOrThrow(argv, { input: `${commands.join("\n")}\n` });
  } catch (cause) {
    throw new Error(`cannot set up the network of ${netns ?? "the control plane"}`, { cause });
  }
}

async function applySettings(netns: string): Promise<void> {
  await runOrThrow(inNetns(netns, ["sh", "-c", settings]));
}

/** A veth pair from the host's `eth0` to the switch port that bears the host's name. */
function lanCable(host: Host): readonly string[] {
  return [
    `link add eth0 netns ${host.name} address ${host.mac} type veth peer ${host.name} netns ${switchNetns}`,
  ];
}

function managementPort(node: NodeHost): string {
  return `mgmt-${node.index}`;
}

/**
 * The node's cable to the control plane, and the control plane's way to its pods and its own
 * addresses, so that webhooks and host-network processes are reached without the LAN.
 */
function managementCable(node: NodeHost): readonly string[] {
  const port = managementPort(node);
  const via = `via ${node.managementAddress} dev mgmt0`;
  return [
    `link add eth1 netns ${node.name} address ${node.managementMac} type veth peer ${port}`,
    `link set ${port} master mgmt0 up`,
    `route replace ${node.podNetworks[0]} ${via}`,
    `route replace ${node.ipv4}/32 ${via}`,
  ];
}

function lanAddresses(host: Host): readonly string[] {
  const defaults = [`via ${gateway.ipv4} dev eth0`, `via ${gateway.ipv6} dev eth0`];
  return [
    `address add ${host.ipv4}/24 dev eth0`,
    `address add ${host.ipv6}/64 dev eth0 nodad`,
    "link set eth0 up",
    ...(host === gateway ? [] : defaults.map((route) => `route add default ${route}`)),
  ];
}

function nodeAddresses(node: NodeHost, nodes: readonly NodeHost[]): readonly string[] {
  return [
    ...lanAddresses(node),
    `address add ${node.managementAddress}/24 dev eth1`,
    "link set eth1 up",
    // Else a host-network process would need the LAN to pick a source address for the API.
    `route add ${kubernetesService[0]}/32 via ${apiServer.address} dev eth1`,
    ...lanRoutes(node, nodes),
  ];
}

/** Default routes, and the other nodes' pods by way of their LAN addresses. */
function lanRoutes(node: NodeHost, nodes: readonly NodeHost[]): readonly string[] {
  return [
    `route replace default via ${gateway.ipv4} dev eth0`,
    `route replace default via ${gateway.ipv6} dev eth0`,
    ...nodes
      .filter((other) => other !== node)
      .flatMap((other) => [
        `route replace ${other.podNetworks[0]} via ${other.ipv4} dev eth0`,
        `route replace ${other.podNetworks[1]} via ${other.ipv6} dev eth0`,
      ]),
  ];
}
