import { readFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { readServiceFacts } from "../../../src/cli/explain/service-facts.ts";
import { viewerRole } from "../../../src/cli/inspect/rights.ts";
import { readStatus } from "../../../src/cli/status/read-status.ts";
import { addNode, inspectSettings, now, RawCluster } from "./raw-cluster.ts";

interface Role {
  readonly metadata: { readonly name: string };
  readonly rules: readonly {
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const role: Role = parse(readFileSync("deploy/parts/35-rbac-viewer.yaml", "utf8"));
let cluster: RawCluster;

/** A Service with an address that is shared and in a bundle, so that nothing is left unasked. */
beforeEach(() => {
  cluster = new RawCluster();
  addNode(cluster, "node-1");
  const service = (name: string): object => ({
    metadata: { name, namespace: "shop", uid: name },
    spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.3" }] } },
  });
  cluster.put("services", service("web") as never, service("api") as never);
  const holders = ["web", "api"].map((name) => ({ namespace: "shop", name }));
  const spec = { address: "192.0.2.3", pool: "public", bundle: "b1", state: "Allocated", holders };
  cluster.put("ipallocations", { metadata: { name: "192.0.2.3" }, spec } as never);
  const owner = { node: "node-1", interfaces: [] };
  cluster.put("l2bundles", { metadata: { name: "b1" }, spec: { owner } } as never);
});

async function lookAtAll(): Promise<void> {
  const target = { namespace: "shop", name: "web" };
  await readServiceFacts(cluster.reading(), inspectSettings, target, () => now);
  await readStatus(cluster.reading(), inspectSettings, () => now);
}

test("the role that is recommended lets the commands read all that they ask for, and nothing else", async () => {
  await lookAtAll();
  const allowed = role.rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
  expect(allowed.sort()).toEqual([...cluster.asked].sort());
  expect(role.metadata.name).toBe(viewerRole);
});
