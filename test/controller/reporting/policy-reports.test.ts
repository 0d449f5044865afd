import { beforeEach, describe, expect, test } from "vitest";
import { ConfigurationReporter } from "../../../src/controller/reporting/configuration-reporter.ts";
import type { EventNote } from "../../../src/kube/event-note.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { configNamespace, KnownCluster } from "../known-cluster.ts";

let cluster: KnownCluster;
let events: EventNote[];

beforeEach(() => {
  cluster = new KnownCluster();
  events = [];
  cluster.followAllocations();
  cluster.allocate("192.0.2.10", "s1");
  const reporter = new ConfigurationReporter({
    ...cluster,
    configNamespace,
    events: { record: (note) => void events.push(note) },
    log: silentLog,
  });
  reporter.start();
  void reporter.run(new AbortController().signal);
});

function create(spec: object): void {
  cluster.create("/apis/steelyard.dev/v1alpha1/addresspolicies", { name: "lan" }, { spec });
}

function edit(spec: object): void {
  cluster.api.edit("admin", "addresspolicies", "lan", () => ({ spec }));
}

/** Has the leader learn of everything, as Triggers do, and do what there is to do. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    cluster.see();
    cluster.configuration.refresh();
    cluster.state.networksChanged();
    await cluster.clock.advance(2_000);
  }
}

/** How often the policy's status was written. */
const writes = (): number => cluster.asked.filter((asked) => asked === "PATCH lan status").length;
const status = () => cluster.api.get("addresspolicies", "lan")?.status;
const told = (): readonly string[] =>
  events.map(({ object, type, reason }) => `${object.kind} ${object.name}: ${type} ${reason}`);

describe("the report on a policy", () => {
  test("is one write, and none when nothing has changed", async () => {
    create({});
    await settle();
    expect(writes()).toBe(1);
    expect(status()).toMatchObject({
      pools: 1,
      conditions: [{ type: "Accepted", status: "True" }],
    });
    await settle();
    expect(writes()).toBe(1);
    expect(told()).toEqual([]);
  });

  test("counts the pools that it selects, also one that changes so that it does", async () => {
    create({ ipAddressPoolSelectors: [{ matchLabels: { tier: "public" } }] });
    await settle();
    expect(status()).toMatchObject({ pools: 0 });
    cluster.api.edit("admin", "ipaddresspools", `${configNamespace}/p1`, ({ metadata }) => ({
      metadata: { ...metadata, labels: { tier: "public" } },
    }));
    await settle();
    expect(status()).toMatchObject({ pools: 1 });
  });

  test("names what is held and excluded, with one Event, until it is held no more", async () => {
    create({ excludedAddresses: ["192.0.2.8/29"] });
    await settle();
    expect(told()).toEqual(["AddressPolicy lan: Warning AddressExcluded"]);
    expect(events[0]?.message).toMatch(/192\.0\.2\.10$/);
    expect(events[0]?.object.namespace).toBeUndefined();
    cluster.allocate("192.0.2.11", "s2");
    await settle();
    expect(events[1]?.message).toMatch(/192\.0\.2\.10, 192\.0\.2\.11$/);
    for (const address of ["192.0.2.10", "192.0.2.11"]) {
      cluster.api.remove("admin", "ipallocations", address);
    }
    await settle();
    expect(status()?.conditions).toMatchObject([{ type: "Accepted" }]);
  });

  test("speaks of the version that is in force, and tells when it can be read again", async () => {
    create({ excludedAddresses: ["192.0.2.10"] });
    await settle();
    edit({ excludedAddresses: ["192.0.2.12", "nonsense"] });
    await settle();
    const bad = "AddressPolicy lan: Warning ConfigurationInvalid";
    expect(told()).toEqual(["AddressPolicy lan: Warning AddressExcluded", bad]);
    expect(status()?.conditions).toMatchObject([
      { type: "Accepted", status: "False" },
      { type: "ExcludedInUse", status: "True" },
    ]);
    edit({});
    await settle();
    expect(told().slice(2)).toEqual(["AddressPolicy lan: Normal Accepted"]);
    expect(status()?.conditions).toMatchObject([{ type: "Accepted", status: "True" }]);
  });

  test("of one that is gone is none", async () => {
    create({ excludedAddresses: ["nonsense"] });
    cluster.see();
    cluster.api.remove("admin", "addresspolicies", "lan");
    await settle();
    expect(writes()).toBe(0);
  });
});
