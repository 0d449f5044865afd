import type { AddressPolicy } from "../../src/core/model/address-policy.ts";
import type { IpAddressPool } from "../../src/core/model/ip-address-pool.ts";
import type { L2Speaker } from "../../src/core/model/l2-speaker.ts";
import type { Node } from "../../src/core/model/node.ts";
import type { Service } from "../../src/core/model/service.ts";
import { parseIpAddress } from "../../src/core/net/ip-address.ts";
import { parseIpPrefix } from "../../src/core/net/ip-prefix.ts";
import { decodeAddressPolicy } from "../../src/kube/decode/address-policy.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import { decodeService } from "../../src/kube/decode/service.ts";
import type { CommandArguments } from "./command-arguments.ts";

/** An object as the API server would give it, decoded; and what is wrong with it. */
interface Read<T> {
  readonly object: T | undefined;
  readonly complaints: readonly string[];
}

/** The arguments of `pool`. */
export function readPool(args: CommandArguments): Read<IpAddressPool> {
  const selectors = (key: string): readonly object[] =>
    args.all(key).map((value) => ({ matchLabels: args.labels(value.split(",")) }));
  const pinned = {
    priority: args.one("priority"),
    namespaces: args.list("namespaces"),
    namespaceSelectors: selectors("namespaceSelector"),
    serviceSelectors: selectors("serviceSelector"),
  };
  const isPinned = Object.values(pinned).some((it) => it !== undefined && it.length > 0);
  const { pool, errors, warnings } = decodeIpAddressPool({
    metadata: { name: args.word("NAME") },
    spec: {
      addresses: args.words(),
      autoAssign: args.choice("autoAssign", "true", "false") === "true",
      avoidBuggyIPs: args.choice("avoidBuggyIPs", "false", "true") === "true",
      ...(isPinned
        ? { serviceAllocation: { ...pinned, priority: number(args, pinned.priority) ?? 0 } }
        : {}),
    },
  });
  return { object: pool, complaints: [...errors, ...warnings] };
}

/** The arguments of `policy`. */
export function readPolicy(args: CommandArguments): Read<AddressPolicy> {
  const { policy, errors } = decodeAddressPolicy({
    metadata: { name: args.word("NAME") },
    spec: {
      ipAddressPools: args.list("pools"),
      ipAddressPoolSelectors: args
        .list("selector")
        .map((pair) => ({ matchLabels: args.labels([pair]) })),
      profile: args.one("profile"),
      excludedAddresses: args.list("exclude"),
      reuseDelaySeconds: number(args, args.one("delay")),
      sharingScope: args.one("sharing"),
    },
  });
  return { object: policy, complaints: errors };
}

/** The arguments of `node`. */
export function readNode(args: CommandArguments): Node {
  const name = args.word("NAME");
  const addresses = args.parsedWords(parseIpAddress);
  const { node } = decodeNode({
    metadata: { name },
    spec: { podCIDRs: args.all("podCIDR") },
    status: { addresses: addresses.map((address) => ({ type: "InternalIP", address })) },
  });
  return node;
}

/** The arguments of `speaker`. */
export function readSpeaker(args: CommandArguments): L2Speaker {
  const node = args.word("NODE");
  const nic = {
    name: "eth0",
    mac: undefined,
    carrier: true,
    usable: true,
    state: "Usable" as const,
  };
  const report = {
    interfaces: [{ ...nic, prefixes: args.parsedWords(parseIpPrefix) }],
    defaultGateways: args.all("gateway").map((text) => args.parsed(text, parseIpAddress)),
    highestTerm: 0,
    ignoredBundles: [],
    applied: { allocations: 0n, bundles: 0n },
    failures: [],
  };
  return { node, report };
}

const primaryIPs = { "4": "10.96.0.9", "6": "fd00:96::9" };

const annotations = ["metallb.io", "metallb.universe.tf"].flatMap((domain) =>
  ["address-pool", "allow-shared-ip", "loadBalancerIPs"].map((name) => `${domain}/${name}`),
);

/** The arguments of `service`. */
export function readService(args: CommandArguments, loadBalancerClass: string): Service {
  const key = args.key();
  const [namespace, name] = key.split("/");
  const families = (args.one("families") ?? "4").split(",").filter((family) => family !== "");
  const local = args
    .one("local")
    ?.split(",")
    .filter((pair) => pair !== "");
  const { service } = decodeService(
    {
      metadata: {
        namespace,
        name,
        uid: `uid-${key}`,
        labels: args.labels(args.all("label")),
        annotations: Object.fromEntries(annotations.map((it) => [it, args.one(it)])),
      },
      spec: {
        type: args.choice("type", "LoadBalancer", "ClusterIP", "NodePort", "ExternalName"),
        loadBalancerClass: args.one("class"),
        loadBalancerIP: args.one("ip"),
        clusterIPs: families.map((family) => primaryIPs[args.chosen(family, ["4", "6"])]),
        ipFamilyPolicy: args.choice("policy", "SingleStack", "PreferDualStack", "RequireDualStack"),
        externalIPs: args.all("externalIP"),
        ports: (args.one("ports") ?? "TCP/80").split(",").map((text) => toPort(args, text)),
        ...(local === undefined
          ? { externalTrafficPolicy: "Cluster", selector: { app: name } }
          : { externalTrafficPolicy: "Local", selector: args.labels(local) }),
      },
      status: {
        loadBalancer: {
          ingress: [
            ...args.all("hostname").map((hostname) => ({ hostname })),
            ...args.all("status").map((ip) => ({ ip })),
          ],
        },
      },
    },
    loadBalancerClass,
  );
  return service;
}

function toPort(args: CommandArguments, text: string): object {
  const [protocol = "", port] = text.split("/");
  return {
    protocol: args.chosen(protocol, ["TCP", "UDP", "SCTP"]),
    port: number(args, port) ?? args.refuse(`"${text}" is no port`),
  };
}

function number(args: CommandArguments, text: string | undefined): number | undefined {
  if (text !== undefined && !/^-?\d+$/.test(text)) {
    return args.refuse(`"${text}" is no number`);
  }
  return text === undefined ? undefined : Number(text);
}
