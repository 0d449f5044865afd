import { beforeEach, describe, expect, test } from "vitest";
import { silentAnnouncer, step } from "../../src/core/layer2/announcer.ts";
import { allocationName, type IpAllocation } from "../../src/core/model/ip-allocation.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import type { MacAddress } from "../../src/core/net/mac-address.ts";
import type { IpAllocationObject } from "../../src/kube/decode/ip-allocation.ts";
import { decodeL2Speaker, type L2SpeakerObject } from "../../src/kube/decode/l2-speaker.ts";
import { Store } from "../../src/kube/store.ts";
import type { LinkEntry } from "../../src/link/link.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { ConflictWatch, publishesMax, publishWindowMs } from "../../src/speaker/conflict-watch.ts";
import { nic } from "../core/layer2/interfaces.ts";
import { ip } from "../core/net/arbitraries.ts";
import { HandClock } from "../kube/hand-clock.ts";

const held = ip("192.0.2.4");
const free = ip("192.0.2.10");
const rival = "02:00:00:00:00:66" as MacAddress;

let clock: HandClock;
let asked: (readonly [number, "inquire" | "defend", IpAddress])[];
let reports: number;
let watch: ConflictWatch;
let allocations: Store<IpAllocationObject>;
let ownSpeaker: Store<L2SpeakerObject>;
let answering: Map<IpAddress, readonly string[]>;
let version: number;

beforeEach(() => {
  clock = new HandClock();
  asked = [];
  reports = 0;
  version = 0;
  allocations = new Store<IpAllocationObject>();
  ownSpeaker = new Store<L2SpeakerObject>();
  const interfaces = [nic("eth0", ["192.0.2.241/24"])];
  const { state } = step(silentAnnouncer(), { kind: "link", interfaces, defaultGateways: [] });
  ({ answering } = state);
  answering.set(held, ["eth0"]);
  const note =
    (kind: "inquire" | "defend") =>
    (entries: readonly LinkEntry[]): void => {
      asked.push(...entries.map(({ address }) => [clock.now(), kind, address] as const));
    };
  watch = new ConflictWatch({
    node: "a",
    driver: { state, servicesOf: () => "" },
    ...{ allocations, ownSpeaker, clock, log: silentLog },
    link: {
      observe: () => [],
      ignore: () => undefined,
      inquire: note("inquire"),
      defend: note("defend"),
    },
    onChange: () => {
      reports += 1;
    },
  });
  watch.start();
});

/** Lets the watch work while `action` runs. */
async function running(action: () => Promise<void>): Promise<void> {
  const end = new AbortController();
  const run = watch.run(end.signal);
  await action();
  end.abort();
  await run;
}

function order(spec: { probes?: readonly string[]; intruders?: readonly object[] }): void {
  version += 1;
  ownSpeaker.upsert(
    decodeL2Speaker({ metadata: { name: "a", resourceVersion: `${version}` }, spec }),
  );
}

function allocate(address: IpAddress, state: IpAllocation["state"]): void {
  version += 1;
  const key = allocationName(address);
  const allocation = { address, pool: "lan", holders: [], state, bundle: undefined };
  allocations.upsert({ key, uid: key, resourceVersion: `${version}`, createdAt: 0, allocation });
}

function claim(address: IpAddress, mac: MacAddress = rival): void {
  watch.claimed({ address, interface: "eth0", mac });
}

describe("an address that this node answers for and another host claims", () => {
  test("is in the report a moment later, and not any more once that host is gone", async () => {
    await running(async () => {
      claim(held);
      expect(watch.report).toEqual({});
      await clock.advance(400);
      const conflict = { address: held, mac: rival, interface: "eth0", held: true };
      expect(watch.report).toEqual({ conflicts: [conflict] });
      await clock.advance(40_000);
      expect(watch.report).toEqual({});
      expect(reports).toBe(2);
    });
  });

  test("is defended when the controller says so", async () => {
    await running(async () => {
      claim(held);
      await clock.advance(400);
      order({ intruders: [{ address: held, mac: rival }] });
      expect(asked.filter(([, kind]) => kind === "defend")).toEqual([[400, "defend", held]]);
    });
  });

  test("is not reported when it has gone to another node", async () => {
    await running(async () => {
      claim(held);
      answering.delete(held);
      watch.answeringChanged();
      await clock.advance(1_000);
      expect(watch.report).toEqual({});
    });
  });
});

test("who forges claims of all kinds for a minute has the report written a few times, not more", async () => {
  await running(async () => {
    for (let second = 0; second < 60; second += 1) {
      const many = Array.from({ length: 40 }, (_, index) => ip(`192.0.2.${100 + index}`));
      for (const address of many) {
        answering.set(address, ["eth0"]);
        claim(address, `02:00:00:00:00:${10 + (second % 80)}` as MacAddress);
      }
      await clock.advance(1_000);
    }
    expect(reports).toBeLessThanOrEqual(publishesMax * (60_000 / publishWindowMs + 1));
    expect(watch.report.conflicts?.length).toBeLessThanOrEqual(64);
  });
});

describe("an address that the controller has looked for", () => {
  test("is asked for, unless it is held or this node has no subnet for it", async () => {
    await running(async () => {
      allocate(ip("192.0.2.11"), "Allocated");
      order({ probes: [free, "192.0.2.11", held, "198.51.100.1"] });
      await clock.advance(1_000);
      expect([...new Set(asked.map(([, , address]) => address))]).toEqual([free]);
      expect(reports).toBe(0);
    });
  });

  test("is asked for no more once it is given out", async () => {
    await running(async () => {
      order({ probes: [free] });
      await clock.advance(50);
      allocate(free, "Allocated");
      await clock.advance(2_000);
      expect(asked).toHaveLength(1);
    });
  });

  test("is reported as used, and as clear once it is in quarantine and nobody has it any more", async () => {
    await running(async () => {
      order({ probes: [free] });
      for (const ms of [10, 100, 100]) {
        await clock.advance(ms);
        claim(free);
      }
      await clock.advance(1_000);
      const conflict = { address: free, mac: rival, interface: "eth0", held: false };
      expect(watch.report).toEqual({ conflicts: [conflict] });
      allocate(free, "Quarantined");
      await clock.advance(120_000);
      expect(watch.report).toEqual({ clear: [free] });
    });
  });
});

test("an address that is given out to this node is asked for twice at once, as far as it is not too many", async () => {
  await running(async () => {
    watch.granted(held);
    await clock.advance(1_000);
    expect(asked).toEqual([
      [50, "inquire", held],
      [100, "inquire", held],
    ]);
    for (let count = 0; count < 1_000; count += 1) {
      watch.granted(held);
    }
    await clock.advance(1_000);
    expect(asked.length).toBeLessThan(200);
  });
});
