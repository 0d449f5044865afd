import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PendingServices, type Waiting, type Want } from "../../src/controller/pending-services.ts";
import { absentService } from "../../src/core/model/service.ts";

const certain: Waiting = { addresses: ["192.0.2.4"], wants: [] };

function anyOf(pools: readonly string[], ...families: readonly (4 | 6)[]): Want {
  return { pools: pools.map((name) => ({ name })), families };
}

function waitingIn(...pools: readonly string[]): Waiting {
  return { addresses: [], wants: [anyOf(pools, 4)] };
}

/** Room for `count` at a time, in whatever way. */
function roomFor(count: number): () => number {
  return () => count;
}

function sharerOf(key: string, port: number): Want {
  const ports = [{ protocol: "TCP", port }];
  const sharer = { ...absentService("a/any"), sharing: { key, backend: "" }, ports };
  return { pools: [], families: [4], sharer };
}

function waitTogether(pending: PendingServices, count: number, waiting: Waiting): void {
  for (let at = 1; at <= count; at += 1) {
    pending.add(`a/${at}`, waiting);
  }
}

describe("Services that wait", () => {
  test("are found by the address that they ask for", () => {
    const pending = new PendingServices();
    pending.add("a/certain", certain);
    expect(pending.askingFor("192.0.2.4")).toEqual(["a/certain"]);
    expect(pending.askingFor("192.0.2.5")).toEqual([]);
    expect([...pending.askedFor()]).toEqual(["192.0.2.4"]);
    pending.remove("a/certain");
    expect([...pending.askedFor()]).toEqual([]);
  });

  test("are found by the key that they share with, one line for each list of ports", () => {
    const pending = new PendingServices();
    for (const at of [1, 2]) {
      pending.add(`a/http${at}`, { addresses: [], wants: [sharerOf("x", 80)] });
      pending.add(`a/https${at}`, { addresses: [], wants: [sharerOf("x", 443)] });
    }
    pending.add("a/stranger", { addresses: [], wants: [sharerOf("y", 80)] });
    expect(pending.sharingAs("x", roomFor(1))).toEqual(["a/http1", "a/https1"]);
    expect(pending.sharingAs("z", roomFor(1))).toEqual([]);
    pending.remove("a/stranger");
    expect(pending.sharingAs("y", roomFor(1))).toEqual([]);
  });

  test("are woken by room in a pool and a family of theirs, and by no other", () => {
    const pending = new PendingServices();
    pending.add("a/four", waitingIn("web", "mail"));
    pending.add("a/six", { addresses: [], wants: [anyOf(["web"], 6)] });
    pending.add("a/both", { addresses: [], wants: [anyOf(["web"], 4, 6)] });
    expect(pending.roomIn("web", 4, roomFor(1))).toEqual(["a/four", "a/both"]);
    expect(pending.roomIn("web", 6, roomFor(1))).toEqual(["a/six"]);
    expect(pending.roomIn("other", 4, roomFor(1))).toEqual([]);
  });

  test("keep their turn when they ask for the same again, and lose it when for something else", () => {
    const pending = new PendingServices();
    waitTogether(pending, 2, waitingIn("web"));
    pending.add("a/1", waitingIn("web"));
    expect(pending.keys()).toEqual(["a/1", "a/2"]);
    pending.add("a/1", certain);
    expect(pending.keys()).toEqual(["a/2", "a/1"]);
    expect(pending.roomIn("web", 4, roomFor(9))).toEqual(["a/2"]);
  });

  test("are woken as many as there is room for, longest waiting first", () => {
    const pending = new PendingServices();
    waitTogether(pending, 10_000, waitingIn("web"));
    expect(pending.roomIn("web", 4, roomFor(0))).toEqual([]);
    expect(pending.roomIn("web", 4, roomFor(2))).toEqual(["a/1", "a/2"]);
    expect(pending.roomIn("web", 4, roomFor(3))).toEqual(["a/3"]);
  });

  test("have their turn when the one before did not take it, each once, and not when he did", () => {
    const pending = new PendingServices();
    waitTogether(pending, 3, waitingIn("web"));
    expect(pending.roomIn("web", 4, roomFor(1))).toEqual(["a/1"]);
    expect(pending.lookedAt("a/1", roomFor(1))).toEqual(["a/2"]);
    pending.remove("a/2");
    expect(pending.lookedAt("a/2", roomFor(0))).toEqual([]);
    expect(pending.roomIn("web", 4, roomFor(1))).toEqual(["a/1"]);
    expect(pending.lookedAt("a/1", roomFor(1))).toEqual(["a/3"]);
    expect(pending.lookedAt("a/3", roomFor(1))).toEqual([]);
  });

  test("have their turn also when the one before was served by other means, or is gone", () => {
    const pending = new PendingServices();
    waitTogether(pending, 2, waitingIn("web"));
    expect(pending.roomIn("web", 4, roomFor(1))).toEqual(["a/1"]);
    pending.remove("a/1");
    expect(pending.lookedAt("a/1", roomFor(1))).toEqual(["a/2"]);
  });

  test("are not in the way of others when they were not woken", () => {
    const pending = new PendingServices();
    waitTogether(pending, 2, waitingIn("web"));
    expect(pending.lookedAt("a/1", roomFor(1))).toEqual([]);
    expect(pending.lookedAt("b/none", roomFor(1))).toEqual([]);
  });

  test("are all served in turns, whoever takes and whoever does not", () => {
    const takers = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(takers, fc.nat({ max: 8 }), (takes, addresses) => {
        const pending = new PendingServices();
        waitTogether(pending, takes.length, waitingIn("web"));
        let free = addresses;
        const room = (): number => free;
        const queue = [...pending.roomAnywhere(room)];
        const looked: string[] = [];
        for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
          looked.push(key);
          if (takes[Number(key.slice(2)) - 1] === true && free > 0) {
            free -= 1;
            pending.remove(key);
          }
          queue.push(...pending.lookedAt(key, room));
        }
        const willing = takes.filter((take) => take).length;
        expect(free).toBe(Math.max(0, addresses - willing));
        expect(looked).toEqual([...new Set(looked)]);
        expect(looked).toEqual([...looked].sort((a, b) => Number(a.slice(2)) - Number(b.slice(2))));
        expect(pending.size).toBe(takes.length - (addresses - free));
      }),
    );
  });
});
