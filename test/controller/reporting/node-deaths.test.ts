import { beforeEach, expect, test } from "vitest";
import { NodeDeaths } from "../../../src/controller/reporting/node-deaths.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";
import type { EventNote } from "../../../src/kube/event-note.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { KnownCluster } from "../known-cluster.ts";

let cluster: KnownCluster;
let told: EventNote[];
let dead: Set<string>;
let verdictChanged: () => void;

beforeEach(() => {
  cluster = new KnownCluster();
  told = [];
  dead = new Set(["n9"]);
  for (const name of ["n1", "n2", "n3", "n9"]) {
    cluster.stores.nodes.upsert(decodeNode({ metadata: { name, uid: name } }));
  }
  const deaths = new NodeDeaths({
    ...cluster,
    liveness: {
      verdict: (node) => (dead.has(node) ? "dead" : "alive"),
      onVerdict: (listener) => {
        verdictChanged = listener;
      },
    },
    events: { record: (note) => told.push(note) },
    log: silentLog,
  });
  deaths.start();
  void deaths.run(new AbortController().signal);
  putBundle("b1", "n1");
  putBundle("b2", "n1");
  give("192.0.2.10", "b1");
  give("192.0.2.11", "b1");
  give("192.0.2.12", "b2");
});

function putBundle(name: string, node: string, moved?: { from: string; reason: string }): void {
  const sequence = Number(cluster.api.version());
  const how = moved === undefined ? {} : { moved: { ...moved, at: "2026-01-01T00:00:00Z" } };
  const spec = { advertisements: ["lan"], owner: { node }, term: 1, sequence, ...how };
  if (cluster.api.get("l2bundles", name) === undefined) {
    cluster.create("/apis/steelyard.dev/v1alpha1/l2bundles", { name }, { spec });
  }
  cluster.api.edit("leader", "l2bundles", name, () => ({ spec }));
  cluster.see();
}

function give(address: string, bundle: string): void {
  cluster.allocate(address, "web");
  cluster.api.edit("leader", "ipallocations", address, ({ spec }) => ({
    spec: { ...spec, bundle },
  }));
  cluster.see();
}

function die(node: string): void {
  dead.add(node);
  verdictChanged();
}

test("a node's death is one Event on the Node, which says where all its addresses are", async () => {
  die("n1");
  putBundle("b1", "n2", { from: "n1", reason: "SpeakerSilent" });
  putBundle("b2", "n3", { from: "n1", reason: "SpeakerSilent" });
  await cluster.clock.advance(10_000);
  expect(told).toEqual([
    {
      object: { apiVersion: "v1", kind: "Node", name: "n1", uid: "n1" },
      type: "Warning",
      reason: "SpeakerSilent",
      message: "the node's speaker was not heard of for 6 s: 3 addresses moved to n2 (2), n3 (1)",
    },
  ]);
});

test("what no other node can announce is told, and that there was nothing to announce", async () => {
  die("n1");
  putBundle("b1", "n2", { from: "n1", reason: "NodeOutOfService" });
  die("n2");
  die("n3");
  await cluster.clock.advance(10_000);
  expect(told.map(({ object, reason, message }) => [object.name, reason, message])).toEqual([
    [
      "n1",
      "NodeOutOfService",
      "the node is out of service: 2 addresses moved to n2 (2); " +
        "1 address stays with it until another node can take over",
    ],
    [
      "n2",
      "SpeakerSilent",
      expect.stringMatching(/6 s: 2 addresses stay with it until another node can take over$/),
    ],
    ["n3", "SpeakerSilent", "the node's speaker was not heard of for 6 s: it announced nothing"],
  ]);
});

test("who was dead before this leader came, and who moved for another reason, is not told of", async () => {
  verdictChanged();
  putBundle("b1", "n2", { from: "n1", reason: "NodeDraining" });
  await cluster.clock.advance(10_000);
  expect(told).toEqual([]);
});

test("a node that comes back and dies again is told of again", async () => {
  die("n3");
  await cluster.clock.advance(10_000);
  dead.delete("n3");
  verdictChanged();
  die("n3");
  await cluster.clock.advance(10_000);
  expect(told).toHaveLength(2);
});
