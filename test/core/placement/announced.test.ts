import { describe, expect, test } from "vitest";
import type { SpeakerReport } from "../../../src/core/model/l2-speaker.ts";
import {
  type AddressAnnouncement,
  announcementOf,
  announcementOfAll,
} from "../../../src/core/placement/announced.ts";
import { ip } from "../net/arbitraries.ts";

const address = ip("192.0.2.4");

const report: SpeakerReport = {
  interfaces: [],
  defaultGateways: [],
  highestTerm: 1,
  ignoredBundles: [],
  applied: { allocations: 10n, bundles: 20n },
  failures: [],
};

const good: AddressAnnouncement = {
  address,
  unplaced: undefined,
  owner: "node-1",
  allocationVersion: 10n,
  bundleVersion: 20n,
  report,
};

describe("the announcement of one address", () => {
  test.each<[string, string, string, Partial<AddressAnnouncement>]>([
    ["its owner has taken it over", "True", "Announced", {}],
    [
      "its owner is behind with allocations",
      "Unknown",
      "AnnouncementPending",
      { allocationVersion: 11n },
    ],
    ["its owner is behind with bundles", "Unknown", "AnnouncementPending", { bundleVersion: 21n }],
    ["its owner never reported", "Unknown", "AnnouncementPending", { report: undefined }],
    ["nobody owns it", "False", "NoEligibleNode", { owner: undefined, report: undefined }],
    [
      "no node has its interface",
      "False",
      "InterfaceMissing",
      { owner: undefined, report: undefined, missingInterfaces: ["eth9"] },
    ],
    [
      "nothing covers it",
      "False",
      "NoAdvertisement",
      { unplaced: "NoAdvertisement", owner: undefined },
    ],
    [
      "its owner cannot",
      "False",
      "InterfaceMissing",
      {
        report: {
          ...report,
          failures: [{ address, reason: "InterfaceMissing", message: "no eth9" }],
        },
      },
    ],
    [
      "its owner cannot announce another one",
      "True",
      "Announced",
      {
        report: {
          ...report,
          failures: [{ address: ip("192.0.2.5"), reason: "LinkFailed", message: "" }],
        },
      },
    ],
  ])("when %s is %s: %s", (_, status, reason, change) => {
    const verdict = announcementOf({ ...good, ...change });
    expect(verdict).toMatchObject({ status, reason });
    expect(verdict.message).toContain("192.0.2.4");
  });

  test("is not known when the list of failures is full: it may have been left out", () => {
    const failures = Array.from({ length: 100 }, (_, n) => ({
      address: ip(`198.51.100.${n}`),
      reason: "LinkFailed" as const,
      message: "",
    }));
    expect(announcementOf({ ...good, report: { ...report, failures } }).status).toBe("Unknown");
    const one = { ...report, failures: failures.slice(1) };
    expect(announcementOf({ ...good, report: one }).status).toBe("True");
  });

  test("names the first nodes that do not announce, and why", () => {
    const hinderedNodes = Array.from({ length: 7 }, (_, n) => ({
      node: `n${n}`,
      reason: n === 0 ? ("NodeExcluded" as const) : ("SpeakerSilent" as const),
    }));
    const homeless = { ...good, owner: undefined, report: undefined };
    expect(announcementOf({ ...homeless, hinderedNodes }).message).toContain(
      "(n0 NodeExcluded, n1 SpeakerSilent, n2 SpeakerSilent, n3 SpeakerSilent, n4 SpeakerSilent, and 2 more)",
    );
    expect(announcementOf({ ...homeless, hinderedNodes: [] }).message).not.toContain("(");
  });

  test("names the node and what it said", () => {
    const failures = [
      { address, reason: "LinkFailed" as const, message: "Operation not permitted" },
    ];
    expect(announcementOf(good).message).toBe("192.0.2.4 by node-1");
    expect(announcementOf({ ...good, report: { ...report, failures } }).message).toBe(
      "192.0.2.4 on node-1: Operation not permitted",
    );
  });
});

describe("the announcement of several", () => {
  const pending = { ...good, address: ip("192.0.2.5"), report: undefined };
  const homeless = { ...good, address: ip("192.0.2.6"), owner: undefined };

  test("is as bad as the worst, and tells of each", () => {
    expect(announcementOfAll([good, pending, homeless])).toMatchObject({
      reason: "NoEligibleNode",
    });
    const verdict = announcementOfAll([good, pending]);
    expect(verdict).toMatchObject({ status: "Unknown", reason: "AnnouncementPending" });
    expect(verdict?.message).toContain("192.0.2.4 by node-1; 192.0.2.5: node-1 was chosen");
  });

  test("of none is nothing", () => {
    expect(announcementOfAll([])).toBeUndefined();
  });
});
