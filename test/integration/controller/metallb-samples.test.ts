import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Service } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { metalLbSources } from "../../../bench/metallb/sources.ts";
import * as resources from "../../../src/kube/resources.ts";
import { addressesOf, conditionOf } from "../../e2e/cluster-objects.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "../../e2e/installed-cluster.ts";

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: object;
}

/** The kinds of MetalLB's samples that have nothing to do with BGP. */
const layer2Kinds = ["IPAddressPool", "L2Advertisement", "Deployment", "Service"];

let cluster: InstalledCluster;
let folder: string;

beforeAll(async () => {
  folder = join(await metalLbSources(), "configsamples");
  cluster = await startInstalled({ nodes: 2 });
  const { sandbox } = cluster;
  await kubectl(sandbox, ["delete", "l2advertisement", "default", "-n", "metallb-system"]);
});

afterAll(async () => {
  await cluster?.stop();
});

let applied: string | undefined;

afterEach(async () => {
  if (applied !== undefined) {
    await kubectl(cluster.sandbox, ["delete", "-f", join(folder, applied)]);
    applied = undefined;
  }
});

/** Namespaces, a pool, or nodes that are named and are not there. */
const missing =
  /^Warning: spec\.(serviceAllocation: it admits no namespace that exists now|ipAddressPools\[0\]: there is no IPAddressPool first-pool|nodeSelectors: no Node has)/;

async function applySample(file: string): Promise<void> {
  const { code, stderr } = await cluster.sandbox.kubectl(["apply", "-f", join(folder, file)]);
  applied = file;
  // A field that our definitions do not know is an error, one that will go a warning. What the
  // webhook warns of is true: these samples are applied one by one.
  const warnings = stderr.split("\n").filter((line) => !missing.test(line));
  expect([code, warnings]).toEqual([0, [""]]);
}

function manifestsOf(file: string): readonly Manifest[] {
  const documents = parseAllDocuments(readFileSync(join(folder, file), "utf8"));
  return documents.map((document) => document.toJS() as Manifest);
}

async function announced(name: string, namespace: string): Promise<V1Service> {
  return await eventually(`Announced=True on ${namespace}/${name}`, async () => {
    const service = await cluster.api.service(name, namespace);
    return conditionOf(service, "Announced")?.status === "True" ? service : undefined;
  });
}

test("every layer-2 sample of MetalLB applies as it is, and says there what it says here", async () => {
  const samples = readdirSync(folder).filter((file) =>
    manifestsOf(file).every(({ kind }) => layer2Kinds.includes(kind)),
  );
  expect(samples).toEqual([
    "deployment_l2.yaml",
    "ipaddresspool_simple.yaml",
    "ipaddresspool_with_selector.yaml",
    "l2adv_selects_pools_by_list.yaml",
    "l2adv_with_node_selector.yaml",
    "simple_pool_adv_l2.yaml",
  ]);
  for (const file of samples) {
    await applySample(file);
    for (const { kind, metadata, spec } of manifestsOf(file)) {
      const { name, namespace = "default" } = metadata;
      const text = await kubectl(cluster.sandbox, [
        ...["get", kind, name, "-n", namespace, "-o", "json"],
      ]);
      expect(JSON.parse(text).spec ?? {}, `${file}: ${kind} ${name}`).toMatchObject(spec ?? {});
    }
    await kubectl(cluster.sandbox, ["delete", "-f", join(folder, file)]);
    applied = undefined;
  }
});

test("the sample of an app in layer-2 mode gives it an address of its pool and announces it", async () => {
  await applySample("deployment_l2.yaml");
  const service = await announced("nginx", "default");
  expect(addressesOf(service)).toEqual(["192.168.10.0"]);
});

test("the sample of a pool for some serves them, without .0 and .255, and nobody else", async () => {
  const { api } = cluster;
  await applySample("ipaddresspool_with_selector.yaml");
  await api.create(resources.namespaces, { metadata: { name: "namespace-a" } } as object);
  const sample = { name: "sample", labels: { app: "bar" } };
  await api.createService({ ...sample, namespace: "namespace-a" });
  await api.createService(sample);
  expect(addressesOf(await decided(api, "True", "sample", "namespace-a"))).toEqual([
    "192.168.20.1",
  ]);
  const refused = await decided(api, "False", "sample");
  expect(conditionOf(refused, "AddressAssigned")?.reason).toBe("NoPoolMatches");
  await api.removeService("sample", "namespace-a");
  await api.removeService("sample");
});

test("the sample of a pool with its advertisement serves a Service that asks for an address", async () => {
  const { api } = cluster;
  await applySample("simple_pool_adv_l2.yaml");
  await api.createService({ name: "asks", spec: { loadBalancerIP: "192.168.9.4" } });
  expect(addressesOf(await announced("asks", "default"))).toEqual(["192.168.9.4"]);
  await api.removeService("asks");
});
