import { expect, test } from "vitest";
import { type AnnouncerInput, silentAnnouncer, step } from "../../src/core/layer2/announcer.ts";
import type { NetworkInterface } from "../../src/core/net/network-interface.ts";
import { decodeL2Speaker } from "../../src/kube/decode/l2-speaker.ts";
import { nodeReport } from "../../src/speaker/node-report.ts";
import { nic } from "../core/layer2/interfaces.ts";

const known = { highestTerm: 0, ignoredBundles: new Set<string>() };
const applied = { allocations: "0", bundles: "0" };

/** The states that a node with these interfaces reports, by name. */
function reported(
  interfaces: readonly NetworkInterface[],
  ...more: readonly AnnouncerInput[]
): Readonly<Record<string, string>> {
  const inputs: AnnouncerInput[] = [{ kind: "link", interfaces, defaultGateways: [] }, ...more];
  const state = inputs.reduce((before, input) => step(before, input).state, silentAnnouncer());
  const status = nodeReport(state, known, applied, undefined);
  const { speaker } = decodeL2Speaker({ metadata: { name: "n" }, status });
  return Object.fromEntries((speaker.report?.interfaces ?? []).map((it) => [it.name, it.state]));
}

test("a report tells of every interface that announces, would if it were not down, or has the node's addresses", () => {
  const address = ["192.0.2.241/24"];
  expect(
    reported([
      nic("eth0", address),
      nic("eth1", address, { up: false, carrier: false }),
      nic("eth2", [], { carrier: false }),
      nic("eth3", address, { master: 9 }),
      nic("cni0", ["10.0.1.1/24"], { excludedBy: "^cni" }),
      nic("bare0"),
    ]),
  ).toEqual({
    eth0: "Usable",
    eth1: "Down",
    eth2: "NoCarrier",
    eth3: "Port",
    cni0: "Excluded",
    bare0: "Usable",
  });
});

test("a report leaves out what comes and goes with Pods, and what kube-proxy holds in IPVS mode", () => {
  const vip = ["192.0.2.4/32"];
  expect(
    reported([
      nic("lo", ["127.0.0.1/8"], { loopback: true, mac: undefined }),
      nic("veth1", ["fe80::1/64"], { excludedBy: "^veth" }),
      nic("tap0", [], { master: 9 }),
      nic("eth1", [], { up: false }),
      nic("kube-ipvs0", vip, { up: false, noArp: true, excludedBy: "^kube" }),
    ]),
  ).toEqual({});
});

test("an interface that the kernel refuses is not usable", () => {
  const refused: AnnouncerInput = {
    kind: "socket",
    family: 4,
    interface: "eth0",
    error: "not permitted",
  };
  expect(reported([nic("eth0")], refused)).toEqual({ eth0: "Refused" });
});

test("a report passes on what is known of the dataplane, cut to what the API takes", () => {
  const long = { state: "Unhealthy", message: "x".repeat(2_000) } as const;
  expect(nodeReport(silentAnnouncer(), known, applied, long)).toMatchObject({
    dataplane: { state: "Unhealthy", message: "x".repeat(1_024) },
  });
  expect(nodeReport(silentAnnouncer(), known, applied, undefined)).not.toHaveProperty("dataplane");
});
