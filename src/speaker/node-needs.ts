import type { IpAddress } from "../core/net/ip-address.ts";
import { canAnnounceOn, type NetworkInterface } from "../core/net/network-interface.ts";
import type { EchoOutcome } from "../link/icmp-echo.ts";

/** What was found out about a node, as it is. */
export interface NodeFacts {
  /** Capability sets as in `/proc/self/status`, one bit each. */
  readonly capabilities: { readonly effective: bigint; readonly bounding: bigint };
  /** Why no packet socket opens; undefined: it does. */
  readonly packetSocketError: string | undefined;
  /** Unknown, hence empty, without a packet socket. */
  readonly interfaces: readonly NetworkInterface[];
  /** Of `/proc/sys/net/ipv4/conf`, by folder: each interface, and `all`. */
  readonly settings: ReadonlyMap<string, InterfaceSettings>;
  readonly forwarding: boolean;
  /** As `uname -r` has it. */
  readonly kernel: string;
  readonly defaultGateways: readonly IpAddress[];
  /** What came of asking the first IPv4 gateway for an ICMP echo; undefined: there is none. */
  readonly echo: EchoOutcome | undefined;
  readonly apiServer:
    | { readonly kind: "reached"; readonly version: string }
    | { readonly kind: "failed"; readonly error: string }
    | { readonly kind: "unknown" };
}

/** The knobs of one interface that decide who answers ARP and what is let in. */
export interface InterfaceSettings {
  readonly arpIgnore: number;
  readonly arpAnnounce: number;
  readonly rpFilter: number;
}

/** How one need of a node is met. Only `fail` makes the node unfit. */
export interface Finding {
  readonly need: string;
  readonly state: "ok" | "warn" | "fail";
  readonly found: string;
  /** What to do; absent where nothing is to be done. */
  readonly remedy?: string;
}

/** CAP_NET_RAW of linux/capability.h. */
const netRaw = 1n << 13n;
/** kube-proxy in IPVS mode puts every Service address on this interface. */
const ipvsInterface = "kube-ipvs0";
/** The oldest kernel that Kubernetes itself is tested with. */
const oldestKernel = [4, 19] as const;

/** Judges every need of a node that is to announce addresses; one finding each, at least. */
export function judgeNode(facts: NodeFacts): readonly Finding[] {
  return [
    judgeNetRaw(facts),
    judgePacketSocket(facts),
    ...judgeInterfaces(facts),
    judgeArpIgnore(facts),
    judgeStrictArp(facts),
    judgeReversePath(facts),
    judgeForwarding(facts),
    judgeKernel(facts),
    judgeGateway(facts),
    judgeEcho(facts),
    judgeApiServer(facts),
  ];
}

function judgeNetRaw({ capabilities: { effective, bounding } }: NodeFacts): Finding {
  const need = "NET_RAW";
  if ((effective & netRaw) !== 0n) {
    return { need, state: "ok", found: "the capability is there" };
  }
  return (bounding & netRaw) !== 0n
    ? {
        need,
        state: "fail",
        found: "the capability may be had, but this process has it not",
        remedy: "run as user 0 (runAsUser: 0 in the Pod)",
      }
    : {
        need,
        state: "fail",
        found: "the capability was taken away (bounding set)",
        remedy: "add it: securityContext.capabilities.add: [NET_RAW]",
      };
}

function judgePacketSocket({ packetSocketError: error }: NodeFacts): Finding {
  const need = "packet socket";
  return error === undefined
    ? { need, state: "ok", found: "AF_PACKET opens" }
    : { need, state: "fail", found: error, remedy: "allow AF_PACKET (seccomp, AppArmor, NET_RAW)" };
}

function judgeInterfaces({ interfaces, packetSocketError }: NodeFacts): readonly Finding[] {
  const need = "interfaces";
  const usable = interfaces.filter(canAnnounceOn);
  const withPrefix = usable.filter((nic) => prefixesOf(nic).length > 0);
  const down = interfaces.filter((nic) => !nic.carrier && canAnnounceOn({ ...nic, carrier: true }));
  return [
    packetSocketError !== undefined
      ? { need, state: "warn", found: "not known without a packet socket" }
      : usable.length === 0
        ? {
            need,
            state: "fail",
            found: "none that is up, has carrier and a hardware address, and is nobody's port",
            remedy: "bring an interface up; ports of a bridge or bond announce on their master",
          }
        : withPrefix.length === 0
          ? {
              need,
              state: "warn",
              found: `${usable.map(({ name }) => name).join(", ")} without an IPv4 address`,
              remedy: "name the interfaces in the L2Advertisement",
            }
          : { need, state: "ok", found: withPrefix.map(describe).join("; ") },
    ...down.map(
      ({ name }): Finding => ({
        need: `interface ${name}`,
        state: "warn",
        found: "no carrier: nothing is announced there",
        remedy: "look at cable and switch, or take the interface down",
      }),
    ),
  ];
}

function describe(nic: NetworkInterface): string {
  return `${nic.name} ${prefixesOf(nic).join(" ")}`;
}

function prefixesOf({ prefixes }: NetworkInterface): readonly string[] {
  return prefixes
    .filter(({ family }) => family === 4)
    .map(({ address, length }) => `${address}/${length}`);
}

/** The kernel uses the greater of the value of an interface and that of `all`. */
function effective({ settings }: NodeFacts, name: string, knob: keyof InterfaceSettings): number {
  return Math.max(settings.get("all")?.[knob] ?? 0, settings.get(name)?.[knob] ?? 0);
}

/** Names of the interfaces that can announce and of which `holds` is true. */
function announcersWhere(facts: NodeFacts, holds: (name: string) => boolean): readonly string[] {
  return facts.interfaces
    .filter(canAnnounceOn)
    .map(({ name }) => name)
    .filter(holds);
}

function judgeArpIgnore(facts: NodeFacts): Finding {
  const need = "arp_ignore";
  const mute = announcersWhere(facts, (name) => effective(facts, name, "arpIgnore") >= 3);
  return mute.length === 0
    ? { need, state: "ok", found: "the kernel answers for this node's own addresses" }
    : {
        need,
        state: "fail",
        found: `${mute.join(", ")}: 3 or more, so the kernel answers for few or none of this node's own addresses`,
        remedy: "set net.ipv4.conf.{all,INTERFACE}.arp_ignore to 0, 1 or 2",
      };
}

function judgeStrictArp(facts: NodeFacts): Finding {
  const need = "strictARP";
  if (!facts.settings.has(ipvsInterface)) {
    return { need, state: "ok", found: `not needed: kube-proxy is not in IPVS mode` };
  }
  const talkative = announcersWhere(
    facts,
    (name) => effective(facts, name, "arpIgnore") < 1 || effective(facts, name, "arpAnnounce") < 2,
  );
  return talkative.length === 0
    ? { need, state: "ok", found: "kube-proxy is in IPVS mode with strictARP" }
    : {
        need,
        state: "fail",
        found: `${talkative.join(", ")}: kube-proxy is in IPVS mode and every node answers for every address`,
        remedy: "set ipvs.strictARP: true in kube-proxy's configuration",
      };
}

function judgeReversePath(facts: NodeFacts): Finding {
  const need = "rp_filter";
  const usable = facts.interfaces.filter(canAnnounceOn);
  const strict = announcersWhere(facts, (name) => effective(facts, name, "rpFilter") === 1);
  return strict.length === 0 || usable.length < 2
    ? { need, state: "ok", found: "no client's traffic is dropped for the way that it came" }
    : {
        need,
        state: "warn",
        found: `${strict.join(", ")}: strict, and there are ${usable.length} interfaces: clients whose way back is another one are dropped`,
        remedy: "set net.ipv4.conf.INTERFACE.rp_filter to 2 (loose)",
      };
}

function judgeForwarding({ forwarding }: NodeFacts): Finding {
  const need = "forwarding";
  return forwarding
    ? { need, state: "ok", found: "on" }
    : {
        need,
        state: "fail",
        found: "off: traffic does not get to Pods on other nodes",
        remedy: "set net.ipv4.ip_forward to 1",
      };
}

function judgeKernel({ kernel }: NodeFacts): Finding {
  const need = "kernel";
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  const [oldestMajor, oldestMinor] = oldestKernel;
  const old = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return old
    ? {
        need,
        state: "warn",
        found: kernel,
        remedy: `use ${oldestKernel.join(".")} or newer, as Kubernetes does`,
      }
    : { need, state: "ok", found: kernel };
}

function judgeGateway({ defaultGateways }: NodeFacts): Finding {
  const need = "default gateway";
  return defaultGateways.length > 0
    ? { need, state: "ok", found: `${defaultGateways.join(", ")}; never announced from here` }
    : {
        need,
        state: "warn",
        found: "none: clients of other networks get no answer",
        remedy: "add a default route, unless all clients are on this segment",
      };
}

function judgeEcho({ echo }: NodeFacts): Finding {
  const need = "raw-socket";
  if (echo === undefined) {
    return { need, state: "ok", found: "not tried: there is no IPv4 gateway to ask" };
  }
  switch (echo.kind) {
    case "answered":
      return { need, state: "ok", found: `the gateway answered in ${echo.ms.toFixed(1)} ms` };
    case "silent":
      return { need, state: "ok", found: "works; the gateway did not answer an ICMP echo" };
    case "off":
      return {
        need,
        state: "warn",
        found: `the check for hosts behind a router is off: ${echo.reason}`,
        remedy: "none needed; it is optional (npm run build makes it)",
      };
  }
}

function judgeApiServer({ apiServer }: NodeFacts): Finding {
  const need = "API server";
  switch (apiServer.kind) {
    case "reached":
      return { need, state: "ok", found: `Kubernetes ${apiServer.version}` };
    case "failed":
      return {
        need,
        state: "fail",
        found: apiServer.error,
        remedy: "look at the route, the kubeconfig and its credentials",
      };
    case "unknown":
      return {
        need,
        state: "warn",
        found: "not asked: neither in a Pod nor given a kubeconfig",
        remedy: "give --kubeconfig",
      };
  }
}
