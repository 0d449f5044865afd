import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Store, type StoreChange, type Stored } from "../../src/kube/store.ts";

interface Thing extends Stored {
  readonly text: string;
}

function thing(key: string, version: number, uid = `${key}-1`): Thing {
  return { key, uid, resourceVersion: String(version), text: `${key}@${version}` };
}

function listOf(...things: Thing[]): Map<string, Thing> {
  return new Map(things.map((one) => [one.key, one]));
}

function versions(store: Store<Thing>): Record<string, string> {
  return Object.fromEntries([...store.values()].map((one) => [one.key, one.resourceVersion]));
}

describe("a store", () => {
  it.each<[string, Thing[], string, number]>([
    ["a list as of an earlier version", [thing("a", 5)], "8", 1],
    ["an earlier version of an object, however high the list's own", [thing("a", 3)], "1000", 1],
    ["a list as of a later version", [thing("a", 5)], "12", 0],
    ["another object under the same name", [thing("a", 3, "a-2")], "12", 0],
    ["an object gone", [], "12", 0],
  ])("tells whether the server went back in time: %s", (_, list, version, times) => {
    const store = new Store<Thing>();
    const told: Record<string, string>[] = [];
    store.onWentBack(() => told.push(versions(store)));
    store.beginList();
    store.replace(listOf(thing("a", 5)), "9");
    store.upsert(thing("b", 10));
    store.remove("b", "b-1", "10");
    expect(told).toEqual([]);
    store.beginList();
    store.replace(listOf(...list), version);
    expect(told).toEqual(Array.from({ length: times }, () => versions(store)));
  });

  it("does not take a list that is older than its own write for a past", () => {
    const store = new Store<Thing>();
    const told: string[] = [];
    store.onWentBack(() => told.push("went back"));
    store.replace(listOf(thing("a", 5)), "9");
    store.beginList();
    store.upsertLocal(thing("a", 12));
    store.replace(listOf(thing("a", 5)), "11");
    expect(versions(store)).toEqual({ a: "12" });
    expect(told).toEqual([]);
  });

  it("keeps the newer version of an object, whichever comes first", () => {
    const store = new Store<Thing>();
    store.upsertLocal(thing("a", 9));
    store.upsert(thing("a", 8));
    store.upsert(thing("a", 9));
    expect(versions(store)).toEqual({ a: "9" });
    store.upsert(thing("a", 10));
    expect(versions(store)).toEqual({ a: "10" });
  });

  it("tells each change once, with what was before", () => {
    const store = new Store<Thing>();
    const seen: StoreChange<Thing>[] = [];
    store.onChange((change) => seen.push(change));
    store.upsert(thing("a", 1));
    store.upsertLocal(thing("a", 2));
    store.upsert(thing("a", 2));
    store.remove("a", "a-1", "3");
    expect(seen.map(({ before, after }) => [before?.text, after?.text])).toEqual([
      [undefined, "a@1"],
      ["a@1", "a@2"],
      ["a@2", undefined],
    ]);
  });

  it("does not bring back what we deleted when its late events arrive, but a successor of the same name", () => {
    const store = new Store<Thing>();
    store.upsert(thing("a", 1));
    store.deleteLocal("a", "a-1");
    store.upsert(thing("a", 2));
    expect(store.size).toBe(0);
    store.upsert(thing("a", 5, "a-2"));
    store.remove("a", "a-1", "4");
    expect(versions(store)).toEqual({ a: "5" });
  });

  it("does not bring back by the late answer to our own write what was deleted meanwhile", () => {
    const store = new Store<Thing>();
    store.upsert(thing("a", 1));
    store.remove("a", "a-1", "3");
    store.upsertLocal(thing("a", 2));
    expect(store.size).toBe(0);
  });

  it("does not bring back by such an answer what a list no longer had", () => {
    const store = new Store<Thing>();
    store.replace(listOf(thing("a", 1)), "1");
    store.beginList();
    store.replace(listOf(), "5");
    store.upsertLocal(thing("a", 2));
    expect(store.size).toBe(0);
  });

  it("does not lose a write of our own to a list that was made before it", () => {
    const store = new Store<Thing>();
    store.upsert(thing("kept", 1));
    store.upsert(thing("deleted", 1));
    store.beginList();
    store.upsertLocal(thing("new", 7));
    store.upsertLocal(thing("kept", 8));
    store.deleteLocal("deleted", "deleted-1");
    store.replace(listOf(thing("kept", 1), thing("deleted", 1)), "6");
    expect(versions(store)).toEqual({ kept: "8", new: "7" });
  });

  it("goes back when the server went back", () => {
    const store = new Store<Thing>();
    store.upsertLocal(thing("a", 90));
    store.upsertLocal(thing("b", 91));
    store.beginList();
    store.replace(listOf(thing("a", 40)), "50");
    expect(versions(store)).toEqual({ a: "40" });
  });

  it("is synced after the first list, and says so once", () => {
    const store = new Store<Thing>();
    const calls: string[] = [];
    store.onSynced(() => calls.push(`early ${store.size}`));
    store.replace(listOf(thing("a", 1)), "1");
    store.replace(listOf(), "2");
    store.onSynced(() => calls.push("late"));
    expect(calls).toEqual(["early 1", "late"]);
    expect(store.synced).toBe(true);
  });

  it("reports a gap when the watch breaks and when it is back, but not at the first opening", () => {
    const store = new Store<Thing>();
    const seen: boolean[] = [];
    store.onGap(() => seen.push(store.live));
    store.setLive(false);
    store.setLive(true);
    store.setLive(true);
    expect(seen).toEqual([]);
    store.setLive(false);
    store.setLive(false);
    store.setLive(true);
    expect(seen).toEqual([false, true]);
  });

  it("ends equal to the server however our answers and its events interleave", () => {
    fc.assert(
      fc.property(
        fc.array(serverStep, { maxLength: 60 }),
        fc.infiniteStream(fc.nat(3)),
        (steps, chances) => {
          const server = new History();
          const store = new Store<Thing>();
          // The world only moves on: no version twice, none older, nothing back from the dead.
          const newest = new Map<string, number>();
          store.onChange(({ before, after }) => {
            const uid = after?.uid ?? before?.uid ?? "";
            const version =
              after === undefined ? Number.POSITIVE_INFINITY : Number(after.resourceVersion);
            expect(version).toBeGreaterThan(newest.get(uid) ?? 0);
            newest.set(uid, version);
          });
          const chance = (): number => chances.next().value ?? 0;
          for (const step of steps) {
            server.write(step, store, chance() > 1);
            for (let events = chance(); events > 0; events -= 1) {
              server.deliverOne(store);
            }
            if (chance() === 3 && step.relist) {
              server.relist(store, () => server.write(step, store, true));
            }
          }
          while (server.deliverOne(store)) {
            // Until the watch has caught up.
          }
          expect(versions(store)).toEqual(server.versions());
        },
      ),
    );
  });
});

const serverStep = fc.record({
  key: fc.constantFrom("a", "b", "c"),
  delete: fc.boolean(),
  relist: fc.boolean(),
});

type ServerStep = typeof serverStep extends fc.Arbitrary<infer T> ? T : never;

/** What an API server's history looks like to one watch: a plain log of versions. */
class History {
  readonly #now = new Map<string, Thing>();
  #events: { readonly deleted: boolean; readonly object: Thing }[] = [];
  #version = 0;
  #uid = 0;

  write(step: ServerStep, store: Store<Thing>, byUs: boolean): void {
    this.#version += 1;
    const before = this.#now.get(step.key);
    if (step.delete) {
      this.#delete(before, store, byUs);
      return;
    }
    if (before === undefined) {
      this.#uid += 1;
    }
    const object = thing(step.key, this.#version, before?.uid ?? `u${this.#uid}`);
    this.#now.set(step.key, object);
    this.#events.push({ deleted: false, object });
    if (byUs) {
      store.upsertLocal(object);
    }
  }

  deliverOne(store: Store<Thing>): boolean {
    const event = this.#events.shift();
    if (event?.deleted === true) {
      store.remove(event.object.key, event.object.uid, event.object.resourceVersion);
    } else if (event !== undefined) {
      store.upsert(event.object);
    }
    return event !== undefined;
  }

  relist(store: Store<Thing>, meanwhile: () => void): void {
    store.beginList();
    const list = new Map(this.#now);
    const version = String(this.#version);
    this.#events = [];
    meanwhile();
    store.replace(list, version);
  }

  versions(): Record<string, string> {
    return Object.fromEntries([...this.#now.values()].map((one) => [one.key, one.resourceVersion]));
  }

  #delete(before: Thing | undefined, store: Store<Thing>, byUs: boolean): void {
    if (before === undefined) {
      return;
    }
    this.#now.delete(before.key);
    this.#events.push({
      deleted: true,
      object: thing(before.key, this.#version, before.uid),
    });
    if (byUs) {
      store.deleteLocal(before.key, before.uid);
    }
  }
}
