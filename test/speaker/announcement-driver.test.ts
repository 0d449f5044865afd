import { expect, test } from "vitest";
import type { L2Bundle } from "../../src/core/model/l2-bundle.ts";
import type { IpAllocationObject } from "../../src/kube/decode/ip-allocation.ts";
import type { L2BundleObject } from "../../src/kube/decode/l2-bundle.ts";
import { Store } from "../../src/kube/store.ts";
import type { LinkEntry, LinkRefusal } from "../../src/link/link.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { AnnouncementDriver } from "../../src/speaker/announcement-driver.ts";
import { VanishedObjects } from "../../src/speaker/vanished-objects.ts";
import { nic } from "../core/layer2/interfaces.ts";
import { ip } from "../core/net/arbitraries.ts";
import { HandClock } from "../kube/hand-clock.ts";

const address = ip("192.0.2.4");

/** A driver over stores that hold one address, and what it had the link do since it was last asked. */
function driving(): {
  readonly driver: AnnouncementDriver;
  readonly put: (sequence: number, bundle: Partial<L2Bundle>) => void;
  readonly done: () => readonly string[];
} {
  const said: string[] = [];
  const note =
    (word: string) =>
    (entries: readonly LinkEntry[]): readonly LinkRefusal[] => {
      said.push(...entries.map((entry) => `${word} ${entry.interface}`));
      return [];
    };
  const bundles = new Store<L2BundleObject>();
  const allocations = new Store<IpAllocationObject>();
  const clock = new HandClock();
  const driver = new AnnouncementDriver({
    node: "me",
    ...{ allocations, bundles, clock },
    vanished: new VanishedObjects(clock, () => true),
    link: {
      answer: note("answer"),
      watch: note("watch"),
      withdraw: note("withdraw"),
      announce: note("announce"),
      setGateways: () => undefined,
    },
    log: silentLog,
    onChange: () => undefined,
  });
  driver.linkChanged([nic("eth0", ["192.0.2.241/24"])], []);
  driver.start();
  const versions = { uid: "u", resourceVersion: "1" };
  allocations.upsert({
    ...versions,
    key: "a",
    createdAt: 0,
    allocation: { address, pool: "web", holders: [], state: "Allocated", bundle: "b" },
  });
  return {
    driver,
    put: (sequence, changes) => {
      const bundle: L2Bundle = {
        name: "b",
        advertisements: ["default"],
        owner: { node: "me", interfaces: [] },
        standbys: [],
        version: { term: 1, sequence },
        ...changes,
      };
      bundles.upsert({ ...versions, resourceVersion: String(sequence), key: "b", bundle });
    },
    done: () => said.splice(0),
  };
}

const me = { node: "me", interfaces: [] };
const other = { node: "other", interfaces: [] };
const moved = { from: "me", reason: "NodeDraining", at: "2026-01-01T00:00:00Z" } as const;

test("a node that yields an address answers it until the new one is heard, and then listens for who asks", () => {
  const { driver, put, done } = driving();
  put(1, { owner: me, standbys: [other] });
  expect(done()).toEqual(["answer eth0", "announce eth0"]);
  put(2, { owner: other, standbys: [me], moved });
  expect(done()).toEqual([]);
  expect(driver.claimed(address)).toBe(true);
  expect(done()).toEqual(["watch eth0"]);
  put(3, { owner: other, standbys: [me], moved });
  expect(done()).toEqual([]);
  put(4, { owner: me, standbys: [other] });
  expect(done()).toEqual(["answer eth0", "announce eth0"]);
});

test("a node that is neither owner nor standby any more forgets the address", () => {
  const { driver, put, done } = driving();
  put(1, { owner: me });
  put(2, { owner: other, moved });
  driver.claimed(address);
  expect(done()).toEqual(["answer eth0", "announce eth0", "withdraw eth0"]);
  put(3, { owner: other, standbys: [me], moved });
  put(4, { owner: other });
  expect(done()).toEqual(["watch eth0", "withdraw eth0"]);
});
