import type { NodeHost } from "./addresses.ts";
import { podNetworks } from "./addresses.ts";
import { inNetns } from "./command.ts";
import { Component } from "./component.ts";

/** How kube-proxy programs the kernel. `iptables` needs the `iptables` programs, `nftables` `nft`. */
export type ProxyMode = "nftables" | "iptables";

/** A node's kube-proxy, in the node's namespace. Start it once the Node object exists. */
export function kubeProxy(options: {
  readonly node: NodeHost;
  readonly binary: string;
  readonly mode: ProxyMode;
  readonly kubeconfig: string;
  readonly logFile: string;
}): Component {
  const { node, binary, mode, kubeconfig, logFile } = options;
  const argv = inNetns(node.name, [
    binary,
    `--proxy-mode=${mode}`,
    `--hostname-override=${node.name}`,
    `--kubeconfig=${kubeconfig}`,
    `--cluster-cidr=${podNetworks.join(",")}`,
    // Written by the kernel's first network namespace only.
    "--conntrack-max-per-core=0",
    "--conntrack-tcp-timeout-established=0",
    "--conntrack-tcp-timeout-close-wait=0",
  ]);
  return new Component(`kube-proxy of ${node.name}`, logFile, argv);
}

/** True when the node's kube-proxy says that it is healthy, asked over the management network. */
export async function kubeProxyIsHealthy(node: NodeHost): Promise<boolean> {
  try {
    const answer = await fetch(`http://${node.managementAddress}:10256/healthz`, {
      signal: AbortSignal.timeout(1_000),
    });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
