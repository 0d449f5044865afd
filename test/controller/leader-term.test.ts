import { describe, expect, test } from "vitest";
import { LeaderTerm } from "../../src/controller/leader-term.ts";
import type { L2BundleObject } from "../../src/kube/decode/l2-bundle.ts";
import type { L2SpeakerObject } from "../../src/kube/decode/l2-speaker.ts";
import { Store } from "../../src/kube/store.ts";

interface World {
  readonly bundles: Store<L2BundleObject>;
  readonly speakers: Store<L2SpeakerObject>;
}

/** Bundles that carry these terms, and speakers that have seen these. */
function world(carried: readonly number[], seen: readonly (number | undefined)[]): World {
  const stores: World = { bundles: new Store(), speakers: new Store() };
  carried.forEach((term, index) => {
    const owner = { node: "node-1", interfaces: [] };
    const [name, version] = [`b${index}`, { term, sequence: 0 }];
    const bundle = { name, advertisements: [], owner, standbys: [], version };
    stores.bundles.upsert({ key: name, uid: name, resourceVersion: "1", bundle });
  });
  seen.forEach((highestTerm, index) => {
    report(stores, `node-${index}`, highestTerm);
  });
  return stores;
}

let writes = 0;

function report(
  { speakers }: World,
  node: string,
  highestTerm: number | undefined,
  ignoredBundles: readonly string[] = [],
): void {
  writes += 1;
  const applied = { allocations: 0n, bundles: 0n };
  const rest = { ignoredBundles, interfaces: [], defaultGateways: [], applied, failures: [] };
  const said = highestTerm === undefined ? undefined : { highestTerm, ...rest };
  const speaker = { node, report: said };
  const resourceVersion = String(writes);
  const orders = { probes: [], intruders: [] };
  speakers.upsert({ key: node, uid: node, resourceVersion, nodeUid: undefined, speaker, orders });
}

test.each<[string, number[], (number | undefined)[], number, number]>([
  ["begins with 1", [], [undefined], 0, 1],
  ["takes a term beyond all bundles", [3, 5], [5, 4], 2, 6],
  ["takes a term beyond all that speakers have seen", [3, 5], [7, undefined], 2, 8],
  ["takes a term beyond all leaders where nothing else tells of them", [], [undefined], 3, 4],
  ["does not believe an absurd report", [5], [2_000_000_000], 0, 6],
  ["does not believe an absurd count of leaders", [5], [5], 2_000_000_000, 6],
])("a new leader %s", (_, carried, seen, transitions, value) => {
  const term = new LeaderTerm(world(carried, seen), transitions);
  expect(term.value).toBe(value);
  expect(term.isSpent).toBe(false);
  expect(term.ignored().size).toBe(0);
});

describe("a bundle that a speaker ignores", () => {
  test("is to be written again, under this term where nobody has seen it", () => {
    const stores = world([3, 3], [4]);
    const term = new LeaderTerm(stores, 0);
    report(stores, "node-0", 4, ["b1", "unknown"]);
    expect([...term.ignored().keys()]).toEqual(["b1"]);
    expect([term.value, term.isSpent]).toEqual([5, false]);
  });

  test.each([4, 6])("asks for a higher term where %i was seen and ours is 4", (seen) => {
    const stores = world([3, 3], [3]);
    const term = new LeaderTerm(stores, 0);
    report(stores, "node-0", seen, ["b1"]);
    expect(term.isSpent).toBe(true);
    term.raise();
    expect([term.value, term.isSpent]).toEqual([seen + 1, false]);
    expect([...term.ignored().keys()]).toEqual(["b1"]);
  });

  test("is not written twice for one report", () => {
    const stores = world([3, 5], [4]);
    report(stores, "node-0", 4, ["b1"]);
    expect(new LeaderTerm(stores, 0).ignored().size).toBe(0);
  });
});
