import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { run } from "../../sandbox/command.ts";
import { clientMetrics } from "../../src/kube/client-metrics.ts";
import type { MetricDefinition } from "../../src/runtime/metrics.ts";
import { catalog } from "../metrics-catalog.ts";
import { promqlNames } from "../promql.ts";
import { Exposition } from "../runtime/exposition.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startExampleApp,
  startInstalled,
  writeUnjudged,
} from "./installed-cluster.ts";

const system = "steelyard-system";
let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  await cluster.api.createPool("production", ["192.0.2.0/26"], { avoidBuggyIPs: true });
  await cluster.api.createPool("six", ["2001:db8:0:2::100/126"], { autoAssign: false });
});

afterAll(async () => {
  await cluster?.stop();
});

/** What a Pod serves on its loopback, by name. */
async function scrape(component: "controller" | "speaker"): Promise<Map<string, Exposition>> {
  const { sandbox } = cluster;
  const selector = `app.kubernetes.io/component=${component}`;
  const listed = await kubectl(sandbox, [
    ...["get", "pods", "-n", system, "-l", selector],
    ...["-o", 'jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{"\\n"}{end}'],
  ]);
  const pages = new Map<string, Exposition>();
  for (const line of listed.trim().split("\n")) {
    const [pod = "", node = ""] = line.split(" ");
    const pid = sandbox.nodes.find(({ name }) => name === node)?.podProcess(system, pod)?.pid;
    if (pid !== undefined) {
      const inPod = ["nsenter", "-t", `${pid}`, "-n", "--"];
      const curl = ["curl", "-sS", "--max-time", "5", "http://127.0.0.1:7472/metrics"];
      const { code, stdout, stderr } = await run([...inPod, ...curl]);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      pages.set(component === "speaker" ? node : pod, new Exposition(stdout));
    }
  }
  return pages;
}

async function leader(): Promise<Exposition> {
  const pages = [...(await scrape("controller")).values()];
  const leading = pages.filter((page) => page.value("steelyard_leader") === 1);
  expect(leading).toHaveLength(1);
  return leading[0] as Exposition;
}

/** Creates a Service and resolves to its address and the node that announces it. */
async function announced(name: string): Promise<{ address: string; node: string }> {
  await cluster.api.createService({ name });
  const address = addressesOf(await decided(cluster.api, "True", name))[0] ?? "";
  await eventually(`${name} is announced`, async () => {
    return conditionOf(await cluster.api.service(name), "Announced")?.status === "True";
  });
  return { address, node: (await cluster.api.ownerOf(address)) ?? "" };
}

describe("/metrics of the controller", () => {
  test("counts the addresses of each pool under MetalLB's names, in the leader alone", async () => {
    const inUse = "metallb_allocator_addresses_in_use_total";
    const pool = { pool: "production" };
    await eventually("both pools are read", async () => (await leader()).all(inUse).length === 2);
    const before = await leader();
    expect(before.value("metallb_allocator_addresses_total", pool)).toBe(63);
    expect(before.value("metallb_allocator_ipv6_addresses_total", { pool: "six" })).toBe(4);
    expect(before.value(inUse, pool)).toBe(0);
    await announced("first");
    const after = await leader();
    expect(after.value(inUse, pool)).toBe(1);
    expect(after.value("metallb_allocator_ipv4_addresses_in_use_total", pool)).toBe(1);
    expect(after.value("metallb_allocator_ipv6_addresses_in_use_total", pool)).toBe(0);
    expect(after.value("steelyard_allocations", { state: "Allocated" })).toBe(1);
    expect(after.value("steelyard_speakers", { state: "alive" })).toBe(2);
    expect(after.value("metallb_k8s_client_config_loaded_bool")).toBe(1);
    const all = [...(await scrape("controller")).values()];
    expect(all).toHaveLength(2);
    expect(all.filter((page) => page.all(inUse).length > 0)).toHaveLength(1);
    const holders = all.flatMap((page) => page.all("steelyard_leader_info"));
    expect(new Set(holders.map(({ labels }) => labels["holder"])).size).toBe(1);
  });

  test("has no series for each Service", async () => {
    const keys = (page: Exposition): readonly string[] =>
      page.series
        .map(({ name, labels }) => `${name}${JSON.stringify(labels)}`)
        // Which answers there were is not known beforehand.
        .filter((key) => !key.startsWith(clientMetrics.requests.name))
        .sort();
    await eventually("every queue was used", async () => {
      const page = await leader();
      return page.value("steelyard_queue_wait_seconds_count", { queue: "settling" }) !== undefined;
    });
    const before = keys(await leader());
    const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => cluster.api.createService({ name })));
    await Promise.all(names.map((name) => decided(cluster.api, "True", name)));
    expect(keys(await leader())).toEqual(before);
    await Promise.all(names.map((name) => cluster.api.removeService(name)));
  });

  test("says that a pool cannot be read, and which kind", async () => {
    const broken = ["192.0.2.300-192.0.2.301"];
    await writeUnjudged(cluster, () => cluster.api.createPool("broken", broken));
    await eventually("the stale configuration is told", async () => {
      return (await leader()).value("metallb_k8s_client_config_stale_bool") === 1;
    });
    const page = await leader();
    expect(page.value("steelyard_configuration_unreadable", { kind: "IPAddressPool" })).toBe(1);
    await kubectl(cluster.sandbox, ["delete", "ipaddresspool", "broken", "-n", "metallb-system"]);
    await eventually("it is no longer stale", async () => {
      return (await leader()).value("metallb_k8s_client_config_stale_bool") === 0;
    });
  });
});

describe("/metrics of the speaker", () => {
  test("names the Service, the node and the address, on the announcing node alone", async () => {
    await startExampleApp(cluster.sandbox);
    const { address, node } = await announced("shown");
    const labels = { service: "default/shown", protocol: "layer2", node, ip: address };
    const pages = await scrape("speaker");
    for (const [name, page] of pages) {
      const value = page.value("metallb_speaker_announced", { service: "default/shown" });
      expect(value).toBe(name === node ? 1 : undefined);
    }
    expect(pages.get(node)?.value("metallb_speaker_announced", labels)).toBe(1);
    await cluster.client.curl(`http://${address}/`);
    const counted = (await scrape("speaker")).get(node);
    for (const what of ["requests_received", "responses_sent", "gratuitous_sent"]) {
      expect(counted?.value(`metallb_layer2_${what}`, { ip: address })).toBeGreaterThan(0);
    }
    await cluster.api.removeService("shown");
    await eventually("no series of the address is left", async () => {
      const left = [...(await scrape("speaker")).values()].flatMap(({ series }) =>
        series.filter(({ labels }) => labels["ip"] === address),
      );
      return left.length === 0;
    });
  });
});

describe("what is documented", () => {
  test("is what the processes serve: names, types and labels", async () => {
    const { both, controllers, leader: leading, speakers } = catalog;
    expectServed(await leader(), [...both, ...controllers, ...leading]);
    for (const page of (await scrape("speaker")).values()) {
      expectServed(page, [...both, ...speakers]);
    }
  });
});

describe("what alerts and dashboard ask for", () => {
  const all = Object.values(catalog).flat();
  const definitionOf = (metric: string): MetricDefinition | undefined =>
    all.find(({ name }) => name === metric) ??
    all.find(({ name }) => name === metric.replace(/_(bucket|sum|count)$/, ""));

  test("is served: every metric, every label, and every value that is matched", async () => {
    const pages = [...(await scrape("controller")).values(), ...(await scrape("speaker")).values()];
    const queries = [...alertQueries(), ...dashboardQueries()];
    expect(queries.length).toBeGreaterThan(40);
    const selectors = queries.flatMap((query) => promqlNames(query).selectors);
    expect(selectors.length).toBeGreaterThanOrEqual(queries.length);
    for (const { metric, labels } of selectors) {
      const definition = definitionOf(metric);
      const served = pages.flatMap((page) => page.all(metric));
      expect(
        pages.some(({ types }) => types.has(definition?.name ?? metric)),
        metric,
      ).toBe(true);
      for (const { name, value } of labels) {
        expect(definition?.labels, metric).toContain(name);
        const values = served.map((series) => series.labels[name]);
        expect(value === undefined || values.includes(value), `${name}="${value}"`).toBe(true);
      }
    }
  });

  test("is grouped by labels that it has", () => {
    // What Prometheus itself adds to every series, and the bounds of histograms.
    const always = ["instance", "job", "le"];
    for (const query of [...alertQueries(), ...dashboardQueries()]) {
      const { selectors, grouping } = promqlNames(query);
      const has = selectors.flatMap(({ metric }) => definitionOf(metric)?.labels ?? []);
      expect([...always, ...has], query).toEqual(expect.arrayContaining([...grouping]));
    }
  });
});

describe("a failover", () => {
  test("is counted, and the dead speaker too", async () => {
    // The other node's, so that no new leader has to be found first.
    const [pod] = (await leader()).all("steelyard_leader_info");
    const leads = pod?.labels["holder"]?.split("_")[0] ?? "";
    const owner = cluster.sandbox.nodes.find((node) => !node.podProcess(system, leads));
    expect(owner).toBeDefined();
    // A bundle without addresses does not move, it goes.
    for (let tries = 0; (await announced(`moving-${tries}`)).node !== owner?.name; tries += 1) {
      expect(tries).toBeLessThan(20);
    }
    const moved = "steelyard_bundle_moves_total";
    expect((await leader()).value(moved, { cause: "failover" })).toBe(0);
    await owner?.powerOff();
    await eventually("the failover is counted", async () => {
      const page = await leader();
      const told = ["steelyard_speakers", "steelyard_bundles", moved].flatMap((name) =>
        page.all(name),
      );
      if (!((page.value(moved, { cause: "failover" }) ?? 0) > 0)) {
        throw new Error(`${owner?.name} is off: ${JSON.stringify(told)}`);
      }
      return true;
    });
    expect((await leader()).value("steelyard_speakers", { state: "dead" })).toBe(1);
  });
});

const monitoring = (file: string): string =>
  readFileSync(new URL(`../../deploy/monitoring/${file}`, import.meta.url), "utf8");

function alertQueries(): readonly string[] {
  const { groups }: { groups: { rules: { expr: string }[] }[] } = parse(
    monitoring("prometheus-rules.yaml"),
  );
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
}

/** Every `expr` of the dashboard, wherever it stands. */
function dashboardQueries(): readonly string[] {
  const queries: string[] = [];
  JSON.parse(monitoring("grafana-dashboard.json"), (key, value: unknown) => {
    if (key === "expr") {
      queries.push(String(value));
    }
    return value;
  });
  return queries;
}

function expectServed(page: Exposition, all: readonly MetricDefinition[]): void {
  expect(new Map(page.types)).toEqual(new Map(all.map(({ name, type }) => [name, type])));
  for (const { name, labels } of page.series) {
    const definition = all.find((one) => one.name === page.metricOf(name));
    const known = definition?.labels ?? [];
    expect(Object.keys(labels).filter((label) => label !== "le")).toEqual([...known]);
  }
}
