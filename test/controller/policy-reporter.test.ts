import { describe, expect, test } from "vitest";
import { PolicyReporter } from "../../src/controller/policy-reporter.ts";
import type { EventNote } from "../../src/kube/event-note.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { KnownCluster } from "./known-cluster.ts";

class Reporting {
  readonly cluster = new KnownCluster();
  readonly events: EventNote[] = [];
  readonly reporter = new PolicyReporter({
    ...this.cluster,
    events: { record: (note) => void this.events.push(note) },
    log: silentLog,
  });

  create(spec: object): void {
    this.cluster.create("/apis/steelyard.dev/v1alpha1/addresspolicies", { name: "lan" }, { spec });
    this.learn();
  }

  learn(): void {
    this.cluster.see();
    this.cluster.configuration.refresh();
  }

  /** What was asked of the API server since the last call. */
  asked(): readonly string[] {
    return this.cluster.asked.splice(0);
  }
}

describe("the report on a policy", () => {
  test("is one write, and none when nothing has changed", async () => {
    const reporting = new Reporting();
    reporting.create({});
    await reporting.reporter.report("lan");
    expect(reporting.asked()).toEqual(["PATCH lan status"]);
    await reporting.reporter.report("lan");
    expect(reporting.asked()).toEqual([]);
    expect(reporting.cluster.api.get("addresspolicies", "lan")?.status).toMatchObject({
      pools: 1,
      conditions: [{ type: "Accepted", status: "True" }],
    });
    expect(reporting.events).toEqual([]);
  });

  test("names what is held and excluded, with one Event", async () => {
    const reporting = new Reporting();
    const { cluster, events } = reporting;
    cluster.followAllocations();
    cluster.allocate("192.0.2.10", "s1");
    reporting.create({ excludedAddresses: ["192.0.2.8/29"] });
    await reporting.reporter.report("lan");
    await reporting.reporter.report("lan");
    expect(events).toMatchObject([
      { object: { kind: "AddressPolicy" }, reason: "AddressExcluded" },
    ]);
    expect(events[0]?.message).toMatch(/192\.0\.2\.10$/);
  });

  test("speaks of the version that is in force", async () => {
    const reporting = new Reporting();
    const { cluster, events } = reporting;
    cluster.followAllocations();
    cluster.allocate("192.0.2.10", "s1");
    reporting.create({ excludedAddresses: ["192.0.2.10"] });
    cluster.api.edit("admin", "addresspolicies", "lan", () => ({
      spec: { excludedAddresses: ["192.0.2.12", "nonsense"] },
    }));
    reporting.learn();
    await reporting.reporter.report("lan");
    expect(events.map(({ reason }) => reason)).toEqual(["ConfigurationInvalid", "AddressExcluded"]);
  });

  test("of one that is gone is none", async () => {
    const reporting = new Reporting();
    reporting.create({});
    reporting.cluster.api.remove("admin", "addresspolicies", "lan");
    await reporting.reporter.report("lan");
    expect(reporting.events).toEqual([]);
    reporting.cluster.see();
    reporting.asked();
    await reporting.reporter.report("lan");
    expect(reporting.asked()).toEqual([]);
  });
});
