import { expect, test } from "vitest";
import { SpeakerLiveness } from "../../src/controller/speaker-liveness.ts";
import { speakerLeaseName } from "../../src/core/liveness/lease-name.ts";
import { deadAfterMs } from "../../src/core/liveness/speaker-liveness.ts";
import { decodeLease, type LeaseObject } from "../../src/kube/decode/lease.ts";
import { decodeNode, type NodeObject } from "../../src/kube/decode/node.ts";
import { Store } from "../../src/kube/store.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "../kube/hand-clock.ts";

test("who asks late is told what was seen before, and of each change from then on", async () => {
  const clock = new HandClock();
  const stores = { speakerLeases: new Store<LeaseObject>(), nodes: new Store<NodeObject>() };
  let version = 0;
  const metadata = (name: string): object => {
    version += 1;
    return { name, uid: name, resourceVersion: String(version) };
  };
  const renew = (...nodes: readonly string[]): void => {
    for (const node of nodes) {
      const spec = { renewTime: String(clock.now()) };
      const lease = { metadata: metadata(speakerLeaseName(node)), spec };
      stores.speakerLeases.upsert(decodeLease(lease));
    }
  };
  for (const name of ["a", "b", "c"]) {
    stores.nodes.upsert(decodeNode({ metadata: metadata(name) }));
  }
  renew("a", "b", "c");
  const liveness = new SpeakerLiveness({ stores, clock, log: silentLog });
  const stop = new AbortController();
  liveness.start(stop.signal);
  for (let passedMs = 0; passedMs < deadAfterMs; passedMs += 2_000) {
    await clock.advance(2_000);
    renew("b", "c");
  }
  expect(["a", "b", "c"].map((node) => liveness.verdict(node))).toEqual(["dead", "alive", "alive"]);
  let verdicts = 0;
  liveness.onVerdict(() => {
    verdicts += 1;
  });
  renew("b", "c");
  expect(verdicts).toBe(0);
  renew("a");
  expect(verdicts).toBe(1);
  expect(liveness.verdict("a")).toBe("alive");
  stop.abort();
});
