import { describe, expect, test } from "vitest";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import { type DatedService, liveAddresses } from "../../../src/core/allocation/live-addresses.ts";
import { absentService, type Service } from "../../../src/core/model/service.ts";
import { ip } from "../net/arbitraries.ts";

const [one, two] = [ip("192.0.2.1"), ip("192.0.2.2")];

function shows(key: string, createdAt: number, more: Partial<Service> = {}): DatedService {
  const service = { ...absentService(key), wantsAddress: true, statusAddresses: [one], ...more };
  return { service, createdAt };
}

const shared = (key: string): Partial<Service> => ({ sharing: { key, backend: "" } });

describe("what is live", () => {
  test("is what statuses of Services of ours show and nobody holds", () => {
    const ledger = new Ledger();
    const holders = [{ namespace: "a", name: "one", uid: "", ports: [] }];
    ledger.put({ address: one, pool: "web", holders, state: "Allocated", bundle: undefined });
    const found = [
      shows("a/one", 1, { statusAddresses: [one, two, two] }),
      shows("a/others", 1, { wantsAddress: false, statusAddresses: [ip("192.0.2.3")] }),
      shows("a/none", 1, { statusAddresses: [] }),
    ];
    expect([...liveAddresses(found, ledger)]).toEqual([["a/one", [two]]]);
  });

  test("is not what cools down: that was given back", () => {
    const ledger = new Ledger();
    const holders = [{ namespace: "a", name: "one", uid: "", ports: [] }];
    ledger.put({ address: one, pool: "web", holders, state: "Cooling", bundle: undefined });
    expect([...liveAddresses([shows("a/one", 1)], ledger)]).toEqual([]);
  });

  test("is the oldest's of those that show the same, and theirs who share with it", () => {
    const live = (...found: DatedService[]): readonly string[] =>
      [...liveAddresses(found, new Ledger()).keys()].sort();
    expect(live(shows("a/forges", 2), shows("b/has", 1))).toEqual(["b/has"]);
    expect(live(shows("b/same", 1), shows("a/same", 1))).toEqual(["a/same"]);
    expect(live(shows("a/young", 2, shared("k")), shows("b/old", 1, shared("k")))).toHaveLength(2);
    expect(live(shows("a/young", 2, shared("x")), shows("b/old", 1, shared("k")))).toEqual([
      "b/old",
    ]);
  });
});
