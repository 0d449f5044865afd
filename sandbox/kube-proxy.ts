import { writeFile } from "node:fs/promises";
import type { NodeHost } from "./addresses.ts";
import { podNetworks } from "./addresses.ts";
import { inNetns } from "./command.ts";
import { Component } from "./component.ts";

/** How kube-proxy programs the kernel. `iptables` needs the `iptables` programs, `nftables` `nft`. */
export type ProxyMode = "nftables" | "iptables";

/**
 * A node's kube-proxy, in the node's namespace. Start it once the Node object exists.
 * `minSyncSeconds` is how long it gathers changes before it writes rules: 1 by default, as
 * kube-proxy has it; large clusters choose more, for each write reads all rules again.
 */
export async function kubeProxy(options: {
  readonly node: NodeHost;
  readonly binary: string;
  readonly mode: ProxyMode;
  readonly minSyncSeconds?: number | undefined;
  readonly kubeconfig: string;
  /** Where its configuration is written. */
  readonly configFile: string;
  readonly logFile: string;
}): Promise<Component> {
  const { node, binary, mode, kubeconfig, configFile, logFile } = options;
  const configuration = {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode,
    [mode]: { minSyncPeriod: `${options.minSyncSeconds ?? 1}s` },
    hostnameOverride: node.name,
    clientConnection: { kubeconfig },
    clusterCIDR: podNetworks.join(","),
    // Written by the kernel's first network namespace only.
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
  await writeFile(configFile, JSON.stringify(configuration));
  const argv = inNetns(node.name, [binary, `--config=${configFile}`]);
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
