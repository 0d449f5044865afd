import { beforeEach, expect, test } from "vitest";
import { LateComers } from "../../src/controller/late-comers.ts";
import { decodeL2Speaker } from "../../src/kube/decode/l2-speaker.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import type { EventNote } from "../../src/kube/event-note.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { KnownCluster } from "./known-cluster.ts";

let cluster: KnownCluster;
let told: EventNote[];

beforeEach(() => {
  cluster = new KnownCluster();
  told = [];
  const events = { record: (event: EventNote) => told.push(event) };
  new LateComers({ ...cluster, events, log: silentLog }).start();
});

test("an address that a node's speaker finds on a further interface is told to the Node, once", () => {
  const metadata = (): object => ({
    ...{ name: "n1", uid: "u1", resourceVersion: cluster.api.version() },
  });
  const addresses = [{ type: "InternalIP", address: "192.0.2.10" }];
  cluster.stores.nodes.upsert(decodeNode({ metadata: metadata(), status: { addresses } }));
  const report = (prefixes: readonly string[]): void => {
    const status = { interfaces: [{ name: "eth1", prefixes }] };
    cluster.stores.speakers.upsert(decodeL2Speaker({ metadata: metadata(), status }));
  };
  report(["192.0.2.10/24", "192.0.2.12/24", "203.0.113.1/24"]);
  report(["192.0.2.10/24", "192.0.2.12/24"]);
  expect(told.map(({ message }) => message.split(". ")[0])).toEqual([
    "192.0.2.10 of this node is in IPAddressPool p1",
    "192.0.2.12 of this node is in IPAddressPool p1",
  ]);
  expect(told[1]?.object).toMatchObject({ kind: "Node", name: "n1", uid: "u1" });
});

test.each([
  ["Cilium LB-IPAM", { loadBalancerClass: "io.cilium/l2-announcer" }, {}],
  ["k3s ServiceLB", { loadBalancerClass: "x/y" }, { "svccontroller.k3s.cattle.io/pool": "a" }],
])("a status that %s wrote is told to its Service with that name", (name, spec, labels) => {
  cluster.create(
    "/api/v1/namespaces/b/services",
    { namespace: "b", name: "theirs", labels },
    {
      spec: { type: "LoadBalancer", externalIPs: ["192.0.2.12"], ...spec },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.11" }] } },
    },
  );
  cluster.see();
  expect(told.map(({ message }) => message.split(". ")[2])).toEqual([
    expect.stringContaining("instead of by spec.externalIPs or from another controller,"),
    expect.stringContaining(`instead of from ${name}, or`),
  ]);
});
