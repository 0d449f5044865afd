import { expect, test } from "vitest";
import { LeaseElection } from "../../src/kube/lease-election.ts";
import type { ApiClient } from "../../src/kube/transport.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { SimulatedApi } from "../simulation/simulated-api.ts";
import { HandClock } from "./hand-clock.ts";

test("who is told to end while the Lease is on its way to him never leads, and gives it back", async () => {
  const api = new SimulatedApi(() => undefined);
  const stop = new AbortController();
  const transport: ApiClient = {
    request: async (request) => {
      const answer = await Promise.resolve(api.handle(request, "me"));
      if (request.method === "POST") {
        stop.abort();
      }
      return answer;
    },
    stream: () => Promise.reject(new Error("nothing is watched here")),
  };
  const election = new LeaseElection({
    transport,
    namespace: "steelyard-system",
    name: "steelyard-controller",
    identity: "me",
    releaseOnShutdown: true,
    clock: new HandClock(),
    log: silentLog,
  });
  let led = false;
  await election.run(async () => {
    led = true;
    await Promise.resolve();
  }, stop.signal);
  expect(led).toBe(false);
  const lease = api.get("leases", "steelyard-system/steelyard-controller");
  expect(lease?.spec.holderIdentity).toBe("");
});
