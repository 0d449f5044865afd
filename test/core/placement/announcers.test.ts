import { expect, test } from "vitest";
import type { SpeakerReport } from "../../../src/core/model/l2-speaker.ts";
import type { IpAddress } from "../../../src/core/net/ip-address.ts";
import type { AddressAnnouncement } from "../../../src/core/placement/announced.ts";
import { announcersOf } from "../../../src/core/placement/announcers.ts";

const report = (version: bigint): SpeakerReport => ({
  interfaces: [],
  defaultGateways: [],
  highestTerm: 1,
  ignoredBundles: [],
  applied: { allocations: version, bundles: version },
  failures: [],
});

function announcement(
  address: string,
  owner: string | undefined,
  more: Partial<AddressAnnouncement> = {},
): AddressAnnouncement {
  return {
    ...{ address: address as IpAddress, owner, unplaced: undefined },
    ...{ allocationVersion: 5n, bundleVersion: 5n, report: report(5n), ...more },
  };
}

test("each node that announces an address counts once, by name, with all interfaces that are named there", () => {
  expect(
    announcersOf([
      announcement("192.0.2.1", "b", { interfaces: ["eth1"] }),
      announcement("192.0.2.2", "b", { interfaces: ["eth0", "eth1"] }),
      announcement("192.0.2.3", "a"),
    ]),
  ).toEqual({
    known: [
      { node: "a", interfaces: [] },
      { node: "b", interfaces: ["eth0", "eth1"] },
    ],
    settled: true,
  });
});

test("any interface for one address is any interface for the node, whichever address comes first", () => {
  const named = announcement("192.0.2.1", "a", { interfaces: ["eth1"] });
  const any = announcement("192.0.2.2", "a");
  for (const both of [
    [named, any],
    [any, named],
  ]) {
    expect(announcersOf(both).known).toEqual([{ node: "a", interfaces: [] }]);
  }
});

test("a node that has not reported yet does not count, and makes the others provisional; one that fails is known to", () => {
  const pending = announcement("192.0.2.1", "a", { report: report(4n) });
  expect(announcersOf([pending])).toEqual({ known: [], settled: false });
  const failures = [
    { address: "192.0.2.1" as IpAddress, reason: "LinkFailed", message: "" },
  ] as const;
  const failed = announcement("192.0.2.1", "a", { report: { ...report(5n), failures } });
  expect(announcersOf([failed])).toEqual({ known: [], settled: true });
});
