import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PendingServices, poolSlot, type Waiting } from "../../src/controller/pending-services.ts";

const any: Waiting = { addresses: [], poolSlots: [poolSlot("web", 4)] };
const certain: Waiting = { addresses: ["192.0.2.4"], poolSlots: [] };

describe("Services that wait", () => {
  test("are woken by an address that they asked for, or that their pool gives", () => {
    const pending = new PendingServices();
    pending.add("a/any", any);
    pending.add("a/certain", certain);
    pending.add("a/six", { addresses: [], poolSlots: [poolSlot("web", 6)] });
    expect(pending.couldUse("192.0.2.4", poolSlot("web", 4))).toEqual(["a/certain", "a/any"]);
    expect(pending.couldUse("192.0.2.5", poolSlot("web", 4))).toEqual(["a/any"]);
    expect(pending.couldUse("192.0.2.4", undefined)).toEqual(["a/certain"]);
    expect(pending.couldUse("192.0.2.5", poolSlot("other", 4))).toEqual([]);
  });

  test("keep their turn when they ask for the same again, and lose it when for something else", () => {
    const pending = new PendingServices();
    pending.add("a/one", any);
    pending.add("a/two", any);
    pending.add("a/one", { ...any });
    expect(pending.keys()).toEqual(["a/one", "a/two"]);
    pending.add("a/one", certain);
    expect(pending.keys()).toEqual(["a/two", "a/one"]);
    expect(pending.couldUse("192.0.2.5", poolSlot("web", 4))).toEqual(["a/two"]);
  });

  test("are woken exactly as looking at each one would tell", () => {
    const waiting = fc.record({
      addresses: fc.subarray(["192.0.2.4", "192.0.2.5"]),
      poolSlots: fc.subarray(["web/4", "web/6"]),
    });
    const change = fc.tuple(fc.constantFrom("a", "b", "c"), fc.option(waiting, { nil: undefined }));
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const [pending, model] = [new PendingServices(), new Map<string, Waiting>()];
        for (const [key, it] of changes) {
          if (it === undefined) {
            pending.remove(key);
            model.delete(key);
          } else {
            pending.add(key, it);
            model.set(key, it);
          }
        }
        expect(pending.size).toBe(model.size);
        expect(["a", "b", "c"].filter((key) => pending.has(key))).toEqual([...model.keys()].sort());
        for (const [address, slot] of [
          ["192.0.2.4", "web/4"],
          ["192.0.2.5", "web/6"],
        ] as const) {
          const expected = [...model].filter(
            ([, it]) => it.addresses.includes(address) || it.poolSlots.includes(slot),
          );
          const woken = new Set(pending.couldUse(address, slot));
          expect([...woken].sort()).toEqual(expected.map(([key]) => key).sort());
        }
      }),
    );
  });
});
