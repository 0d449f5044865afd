import { beforeEach, expect, test } from "vitest";
import { decodeL2Speaker } from "../../src/kube/decode/l2-speaker.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import { Asked } from "./asked-work.ts";
import { KnownCluster } from "./known-cluster.ts";

const lan = { name: "eth0", usable: true, carrier: true, state: "Usable" };
const healthy = { state: "Healthy", message: "is healthy" };
const said = { interfaces: [lan], dataplane: healthy, highestTerm: 1, ignoredBundles: [] };

let asked: Asked;
let version = 90_000;

beforeEach(async () => {
  const cluster = new KnownCluster();
  cluster.reports.load();
  const metadata = { name: "n1", uid: "n1", resourceVersion: "1" };
  cluster.stores.nodes.upsert(decodeNode({ metadata, status: {} }));
  asked = new Asked(cluster);
  report(said);
  await asked.calm();
});

/** The speaker of n1 says this, and that it has put in force what there is by now. */
function report(news: object): void {
  version += 1;
  const metadata = { name: "n1", uid: "n1", resourceVersion: String(version) };
  const status = { ...said, ...news, applied: { allocations: `${version}`, bundles: "1" } };
  asked.cluster.stores.speakers.upsert(decodeL2Speaker({ metadata, status }));
}

async function looks(): Promise<number> {
  return (await asked.of("bundles", 6_000)).length;
}

test("a report that says only what is in force by now has no bundle looked at", async () => {
  report({});
  expect(await looks()).toBe(0);
  report({ failures: [{ address: "192.0.2.10", reason: "LinkFailed", message: "no" }] });
  expect(await looks()).toBe(0);
});

test.each([
  ["another interface", { interfaces: [lan, { ...lan, name: "eth1" }] }],
  ["an interface that is down", { interfaces: [{ ...lan, usable: false, state: "NoCarrier" }] }],
  ["another gateway", { defaultGateways: ["192.0.2.1"] }],
  ["that kube-proxy is late", { dataplane: { state: "Unhealthy", message: "is late" } }],
  ["a term that it has seen", { highestTerm: 7 }],
])("a report of %s has all bundles looked at, once", async (_, news) => {
  report(news);
  expect(await looks()).toBe(1);
  report(news);
  expect(await looks()).toBe(0);
});

test("every report of a speaker that ignores bundles has all looked at, until it ignores none", async () => {
  for (const ignoredBundles of [["b1"], ["b1"], []]) {
    report({ ignoredBundles });
    expect(await looks()).toBe(1);
  }
  report({});
  expect(await looks()).toBe(0);
});

test("the first report of a speaker, and its end, have all bundles looked at", async () => {
  const { speakers } = asked.cluster.stores;
  version += 1;
  speakers.remove("n1", "n1", String(version));
  expect(await looks()).toBe(1);
  report({});
  expect(await looks()).toBe(1);
});
