import { expect, test } from "vitest";
import { nodeOfSpeakerLease, speakerLeaseName } from "../../../src/core/liveness/lease-name.ts";

test("a Lease is named after its node, and the name tells the node", () => {
  expect(speakerLeaseName("node-1")).toBe("steelyard-speaker-node-1");
  expect(nodeOfSpeakerLease(speakerLeaseName("steelyard-speaker-x"))).toBe("steelyard-speaker-x");
});

test.each(["steelyard-controller", "node-1", "x-steelyard-speaker-node-1"])(
  "%s is no speaker's Lease",
  (name) => {
    expect(nodeOfSpeakerLease(name)).toBeUndefined();
  },
);
