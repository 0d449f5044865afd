import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../../src/runtime/log.ts";
import { DataplaneProbe } from "../../src/speaker/dataplane-probe.ts";
import { HandClock } from "../kube/hand-clock.ts";

/** What the stand-in answers now; `undefined`: it breaks the connection off. */
type Answer = { readonly status: number; readonly body: string } | undefined;

/** Bodies as kube-proxy 1.37 writes them. */
const body = (nodeEligible: boolean): string =>
  `{"lastUpdated": "2026-11-23 10:00:00 +0000 UTC","currentTime": "2026-11-23 10:00:00 +0000 UTC", "nodeEligible": ${nodeEligible}}`;
const healthy: Answer = { status: 200, body: body(true) };
const late: Answer = { status: 503, body: body(true) };
const leaving: Answer = { status: 503, body: body(false) };

describe("the dataplane of a node", () => {
  let proxy: Server;
  let answer: Answer;
  let url = "";
  let changes = 0;

  beforeEach(async () => {
    changes = 0;
    answer = healthy;
    proxy = createServer((_, response) => {
      if (answer === undefined) {
        response.destroy();
      } else {
        response.writeHead(answer.status).end(answer.body);
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/healthz`;
  });
  afterEach(() => stop());

  async function stop(): Promise<void> {
    await new Promise((resolve) => proxy.close(resolve));
  }

  function probe(urls: readonly string[] = [url]): DataplaneProbe {
    const onChange = (): void => {
      changes += 1;
    };
    return new DataplaneProbe({ urls, clock: new HandClock(), log: silentLog, onChange });
  }

  async function stateAfter(one: DataplaneProbe, next: Answer): Promise<string | undefined> {
    answer = next;
    await one.ask();
    return one.dataplane?.state;
  }

  test("is what its kube-proxy answers, at once, and told only when it changed", async () => {
    const one = probe();
    expect(one.dataplane).toBeUndefined();
    expect(await stateAfter(one, healthy)).toBe("Healthy");
    expect(await stateAfter(one, healthy)).toBe("Healthy");
    expect(changes).toBe(1);
    expect(await stateAfter(one, late)).toBe("Unhealthy");
    expect(await stateAfter(one, leaving)).toBe("NodeLeaving");
    expect(await stateAfter(one, healthy)).toBe("Healthy");
    expect(changes).toBe(4);
  });

  test("is absent at once where nobody listens at first: the node may be booting", async () => {
    await stop();
    const one = probe();
    await one.ask();
    expect(one.dataplane).toEqual({ state: "Absent", message: `nobody listens at ${url}` });
  });

  test("stays what it was while kube-proxy is replaced, and is absent when that lasts", async () => {
    const one = probe();
    await one.ask();
    await stop();
    await one.ask();
    await one.ask();
    expect(one.dataplane?.state).toBe("Healthy");
    await one.ask();
    expect(one.dataplane?.state).toBe("Absent");
  });

  test("is unhealthy when kube-proxy hangs, but not for one answer that got lost", async () => {
    const one = probe();
    await one.ask();
    expect(await stateAfter(one, undefined)).toBe("Healthy");
    expect(await stateAfter(one, healthy)).toBe("Healthy");
    expect(await stateAfter(one, undefined)).toBe("Healthy");
    expect(await stateAfter(one, undefined)).toBe("Healthy");
    expect(await stateAfter(one, undefined)).toBe("Unhealthy");
    expect(one.dataplane?.message).toContain("no answer");
  });

  test("is only absent while its first answers are late, and unhealthy when they stay so", async () => {
    const one = probe();
    expect(await stateAfter(one, undefined)).toBe("Absent");
    expect(await stateAfter(one, undefined)).toBe("Absent");
    expect(await stateAfter(one, undefined)).toBe("Unhealthy");
    expect(await stateAfter(one, healthy)).toBe("Healthy");
  });

  test("is absent where somebody else has the port", async () => {
    expect(await stateAfter(probe(), { status: 404, body: "" })).toBe("Absent");
  });

  test("is asked at the next place when nobody listens at the first", async () => {
    const one = probe(["http://127.0.0.1:1/healthz", url]);
    await one.ask();
    expect(one.dataplane?.state).toBe("Healthy");
  });

  test("is not asked about when an admin says so", async () => {
    const one = probe([]);
    await one.run(new AbortController().signal);
    expect(one.dataplane?.state).toBe("Unasked");
  });

  test("is asked every five seconds until the end", async () => {
    const clock = new HandClock();
    let asked = 0;
    proxy.on("request", () => {
      asked += 1;
    });
    const one = new DataplaneProbe({
      urls: [url],
      clock,
      log: silentLog,
      onChange: () => undefined,
    });
    const end = new AbortController();
    const running = one.run(end.signal);
    const times = async (wanted: number): Promise<void> => {
      while (asked < wanted) {
        await clock.advance(1_000);
        await new Promise(setImmediate);
      }
    };
    await times(3);
    end.abort();
    await running;
    expect(asked).toBe(3);
  });
});
