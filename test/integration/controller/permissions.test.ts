import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  V1Lease,
  V1ObjectMeta,
  V1PolicyRule,
  V1Role,
  V1RoleBinding,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import * as resources from "../../../src/kube/resources.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { configNamespace } from "../../e2e/cluster-api.ts";
import { conditionOf } from "../../e2e/cluster-objects.ts";
import { eventually, type InstalledCluster, startInstalled } from "../../e2e/installed-cluster.ts";

const system = "steelyard-system";

/** Rules that no use here can show, and why they are there. */
const unseen: ReadonlyMap<string, string> = new Map([
  [
    "steelyard-controller: get steelyard.dev/l2bundles",
    "when its name is taken by a bundle that the watch has not told of yet",
  ],
  [
    "steelyard-controller: get steelyard.dev/ipallocations",
    "when another writer was first with an address: read it again, then decide anew",
  ],
  [
    "steelyard-controller: patch events",
    "counts up an Event that happens again within ten minutes",
  ],
]);

let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
});

afterAll(async () => {
  await cluster?.stop();
});

interface Request {
  readonly account: string;
  readonly verb: string;
  /** With its group, where it has one, and with the subresource: `steelyard.dev/l2speakers/status`. */
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
  readonly code: number;
  readonly time: string;
}

interface L2Status {
  readonly status?: { readonly serviceName?: string };
}

/** Everything that Steelyard's accounts asked of the API. */
async function requests(): Promise<readonly Request[]> {
  const text = await readFile(join(cluster.sandbox.logs, "audit.log"), "utf8");
  const events = text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .map((line) => JSON.parse(line));
  return events
    .filter(({ objectRef, user }) => objectRef && user.username.includes(`:${system}:`))
    .map(({ objectRef, user, verb, responseStatus, stageTimestamp }) => ({
      account: user.username.split(":").at(-1),
      verb,
      resource: [objectRef.apiGroup, objectRef.resource, objectRef.subresource]
        .filter((part) => part !== undefined)
        .join("/"),
      name: objectRef.name ?? "",
      namespace: objectRef.namespace ?? "",
      code: responseStatus?.code ?? 0,
      time: stageTimestamp,
    }));
}

/** Every single permission that the manifests grant: "account: verb group/resource". */
async function grants(): Promise<readonly string[]> {
  const parts = ["20-rbac-controller", "30-rbac-speaker", "80-webhook"].map(
    (part) => new URL(`../../../deploy/parts/${part}.yaml`, import.meta.url),
  );
  const texts = await Promise.all(parts.map((part) => readFile(part, "utf8")));
  const objects = texts
    .flatMap((text) => parseAllDocuments(text))
    .map((document): V1RoleBinding | V1Role => document.toJS());
  const bindings = objects.filter((object) => "roleRef" in object);
  const accountOf = (role: string | undefined): string | undefined =>
    bindings.find(({ roleRef }) => roleRef.name === role)?.subjects?.[0]?.name;
  const found = objects.flatMap((object) =>
    "rules" in object
      ? (object.rules ?? []).flatMap((rule) =>
          permissionsOf(rule).map((it) => `${accountOf(object.metadata?.name)}: ${it}`),
        )
      : [],
  );
  return [...new Set(found)].sort();
}

function permissionsOf({ apiGroups, resources: kinds = [], verbs }: V1PolicyRule): string[] {
  const prefix = apiGroups?.[0] === "" ? "" : `${apiGroups?.[0]}/`;
  return kinds.flatMap((kind) => verbs.map((verb) => `${verb} ${prefix}${kind}`));
}

/** Has Steelyard do all that it can do. */
async function everything(): Promise<void> {
  const { api, sandbox } = cluster;
  await api.createPool("production", ["192.0.2.0/24"]);
  const metadata: V1ObjectMeta = { name: "lan" };
  const policy = { metadata, spec: { excludedAddresses: ["192.0.2.200"] } };
  await api.create(resources.addressPolicies, policy);
  await eventually("the status of a policy", async () => {
    const now = await api.get<{ status?: object }>(resources.addressPolicies, "lan");
    return now?.status;
  });
  for (const name of ["first", "second", "third"]) {
    await api.createService({ name, spec: { loadBalancerIP: "192.0.2.7" } });
  }
  await eventually("one Service announced", async () => {
    const all = await Promise.all(["first", "second", "third"].map((name) => api.service(name)));
    return all.some((service) => conditionOf(service, "Announced")?.status === "True");
  });
  await api.createService({ name: "gone" });
  await eventually("a ServiceL2Status, which goes with its Service", async () => {
    const all = await api.list<L2Status>(resources.serviceL2Statuses, configNamespace);
    return all.some(({ status }) => status?.serviceName === "gone");
  });
  await api.removeService("gone");
  await exclude("node-1", "");
  await eventually("every bundle on the other node", async () =>
    (await api.bundles()).every(({ spec }) => spec.owner.node === "node-2"),
  );
  await exclude("node-1", null);
  await api.createAdvertisement("extra", {});
  await eventually("bundles of both advertisements", async () =>
    (await api.bundles()).some(({ spec }) => spec.advertisements.includes("extra")),
  );
  await api.remove(resources.l2Advertisements, "extra", configNamespace);
  const lease = await api.get<V1Lease>(resources.leases, "steelyard-controller", system);
  const [pod = ""] = lease?.spec?.holderIdentity?.split("_") ?? [];
  const leader = sandbox.nodes.flatMap((node) => node.podProcess(system, pod) ?? [])[0];
  process.kill(leader?.pid ?? Number.NaN, "SIGKILL");
  await eventually("another leader", async () => {
    const now = await api.get<V1Lease>(resources.leases, "steelyard-controller", system);
    return ![lease?.spec?.holderIdentity, ""].includes(now?.spec?.holderIdentity);
  });
  await eventually("every released address free again", async () =>
    (await api.allocations()).every(({ spec }) => spec.state === "Allocated"),
  );
}

async function exclude(node: string, value: string | null): Promise<void> {
  const labels = { "node.kubernetes.io/exclude-from-external-load-balancers": value };
  await cluster.api.patch(resources.nodes, node, { metadata: { labels } });
}

describe("Steelyard's service accounts", () => {
  test("are refused nothing, and use every permission that they have", async () => {
    await everything();
    const all = await requests();
    const refused = all.filter(({ code }) => code === 403 || code === 401);
    expect(refused).toEqual([]);
    const used = new Set(
      all.map(({ account, verb, resource }) => `${account}: ${verb} ${resource}`),
    );
    const granted = await grants();
    expect(granted.filter((grant) => !used.has(grant) && !unseen.has(grant))).toEqual([]);
    // What is explained here must still be granted.
    expect([...unseen.keys()].filter((grant) => !granted.includes(grant))).toEqual([]);
    // Anything else that went through came by another role than ours.
    expect([...used].filter((use) => !granted.includes(use))).toEqual([]);
  });

  test("write nothing but their Leases when nothing happens", async () => {
    await eventually("quiet for five seconds", async () => {
      const since = new Date(Date.now() - 5_000).toISOString();
      return !(await writesOtherThanLeases()).some(({ time }) => time > since);
    });
    const before = (await writesOtherThanLeases()).length;
    await systemClock.sleep(20_000);
    expect((await writesOtherThanLeases()).slice(before)).toEqual([]);
    const leases = new Set(
      (await requests()).filter(({ verb }) => isWrite(verb)).map(({ name }) => name),
    );
    expect([...leases]).toEqual(
      expect.arrayContaining([
        "steelyard-controller",
        "steelyard-speaker-node-1",
        "steelyard-speaker-node-2",
      ]),
    );
  });
});

function isWrite(verb: string): boolean {
  return !["get", "list", "watch"].includes(verb);
}

async function writesOtherThanLeases(): Promise<readonly Request[]> {
  return (await requests()).filter(
    ({ verb, resource }) => isWrite(verb) && resource !== "coordination.k8s.io/leases",
  );
}
