import { expect, test } from "vitest";
import { lingerMs } from "../../src/core/layer2/handover.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { Handovers } from "../../src/speaker/handovers.ts";
import { ip } from "../core/net/arbitraries.ts";
import { HandClock } from "../kube/hand-clock.ts";

const [first, second] = [ip("192.0.2.4"), ip("192.0.2.5")];

test("addresses on their way stop in time, also those that come while others wait, until the end", async () => {
  const clock = new HandClock();
  const stopped: IpAddress[] = [];
  const handovers = new Handovers(clock, (addresses) => stopped.push(...addresses));
  const end = new AbortController();
  const running = handovers.run(end.signal);
  await clock.advance(1_000);
  handovers.take({ kind: "yield", address: first });
  await clock.advance(lingerMs - 1);
  handovers.take({ kind: "yield", address: second });
  expect(stopped).toEqual([]);
  await clock.advance(2);
  expect(stopped).toEqual([first]);
  handovers.take({ kind: "claim", address: second });
  expect(stopped).toEqual([first, second]);
  await clock.advance(10_000);
  expect(stopped).toEqual([first, second]);
  end.abort();
  await running;
});
