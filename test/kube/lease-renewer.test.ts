import { expect, test } from "vitest";
import { ApiError } from "../../src/kube/api-error.ts";
import type { LeaseOwner } from "../../src/kube/lease.ts";
import { LeaseRenewer } from "../../src/kube/lease-renewer.ts";
import type { ApiRequest } from "../../src/kube/transport.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "./hand-clock.ts";

const node = (uid: string): LeaseOwner => ({ apiVersion: "v1", kind: "Node", name: "node-1", uid });

test("a Lease says which object it goes with, as soon as that is known, and keeps saying it", async () => {
  const clock = new HandClock();
  const written: (readonly [method: string | undefined, metadata: unknown])[] = [];
  let exists = false;
  let owner: LeaseOwner | undefined;
  const renewer = new LeaseRenewer({
    transport: {
      request: async ({ method, body }: ApiRequest) => {
        if (method === "PATCH" && !exists) {
          throw new ApiError({ status: 404, reason: "NotFound", message: "not found" });
        }
        exists = true;
        written.push([method, (body as { readonly metadata?: unknown }).metadata]);
      },
      stream: () => Promise.reject(new Error("a renewer watches nothing")),
    },
    namespace: "steelyard-system",
    name: "steelyard-speaker-node-1",
    holderIdentity: "pod-1",
    owner: () => owner,
    clock,
    log: silentLog,
  });
  const stop = new AbortController();
  const running = renewer.run(stop.signal);
  const named = { name: "steelyard-speaker-node-1", namespace: "steelyard-system" };
  await clock.advance(2_000);
  owner = node("a");
  await clock.advance(2_000);
  exists = false;
  await clock.advance(2_000);
  // The Node was made anew.
  owner = node("b");
  await clock.advance(2_000);
  stop.abort();
  await running;
  expect(written).toEqual([
    ["POST", { ...named, ownerReferences: [] }],
    ["PATCH", undefined],
    ["PATCH", { ownerReferences: [node("a")] }],
    ["POST", { ...named, ownerReferences: [node("a")] }],
    ["PATCH", { ownerReferences: [node("b")] }],
  ]);
});
