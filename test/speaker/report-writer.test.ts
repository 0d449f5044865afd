import { describe, expect, test } from "vitest";
import { decodeL2Speaker, type L2SpeakerObject } from "../../src/kube/decode/l2-speaker.ts";
import { Store } from "../../src/kube/store.ts";
import type { ApiClient, ApiRequest } from "../../src/kube/transport.ts";
import { Writer } from "../../src/kube/write.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { ReportWriter } from "../../src/speaker/report-writer.ts";
import { HandClock } from "../kube/hand-clock.ts";
import { SimulatedApi } from "../simulation/simulated-api.ts";

const plural = "l2speakers";

/** The API server with the L2Speaker of one node, and the speakers that report to it. */
class Node {
  readonly clock = new HandClock();
  /** `announced` of each report that changed something. */
  readonly changes: number[] = [];
  readonly #api = new SimulatedApi(({ after }) => this.changes.push(after?.status?.announced));
  readonly #speakers: Speaker[] = [];
  requests = 0;

  constructor() {
    const body = { metadata: { name: "node-1" }, spec: {} };
    const path = `/apis/steelyard.dev/v1alpha1/${plural}`;
    this.#api.handle({ method: "POST", path, body }, "controller");
    this.changes.length = 0;
  }

  /** A speaker that begins to report that it announces so many addresses. */
  start(announced: number): Speaker {
    const speaker = new Speaker(this, announced);
    this.#speakers.push(speaker);
    return speaker;
  }

  readonly client = {
    request: async (request: ApiRequest): Promise<unknown> => {
      this.requests += 1;
      const answer = this.#api.handle(request, "speaker");
      this.#tell();
      return answer;
    },
  } satisfies Pick<ApiClient, "request"> as unknown as ApiClient;

  /** Somebody else changes the report, or takes it away. */
  overwrite(status: object | undefined): void {
    this.#api.edit("admin", plural, "node-1", () => ({ status }));
    this.#tell();
  }

  /** What the report says now. */
  get announced(): number | undefined {
    return this.#api.get(plural, "node-1")?.status?.announced;
  }

  /** Everybody hears of the object. */
  #tell(): void {
    for (const { ownSpeaker } of this.#speakers) {
      const raw = JSON.parse(JSON.stringify(this.#api.get(plural, "node-1")));
      ownSpeaker.upsert(decodeL2Speaker(raw));
    }
  }
}

class Speaker {
  readonly ownSpeaker = new Store<L2SpeakerObject>();
  announced: number;
  readonly #end = new AbortController();
  readonly #writer: ReportWriter;

  constructor({ clock, client }: Node, announced: number) {
    this.announced = announced;
    this.#writer = new ReportWriter({
      node: "node-1",
      writer: new Writer(client, () => true),
      ownSpeaker: this.ownSpeaker,
      report: () => ({ announced: this.announced, highestTerm: this.announced }),
      clock,
      log: silentLog,
    });
    this.ownSpeaker.onChange(() => this.#writer.trigger());
    void this.#writer.run(this.#end.signal);
  }

  says(announced: number): void {
    this.announced = announced;
    this.#writer.trigger();
  }

  /** SIGTERM. */
  end(): void {
    this.#end.abort();
  }
}

describe("the report of a node", () => {
  test("is written when it changed, once a second at most, and else never", async () => {
    const node = new Node();
    const speaker = node.start(1);
    await node.clock.advance(0);
    expect(node.changes).toEqual([1]);
    speaker.says(2);
    speaker.says(3);
    await node.clock.advance(999);
    expect(node.changes).toEqual([1]);
    await node.clock.advance(1);
    expect(node.changes).toEqual([1, 3]);
    await node.clock.advance(60_000);
    expect(node.requests).toBe(2);
  });

  test.each<[string, object | undefined]>([
    ["somebody wrote over it", { announced: 7, highestTerm: 7 }],
    ["it was taken away", undefined],
  ])("is written again when %s", async (_, status) => {
    const node = new Node();
    node.start(1);
    await node.clock.advance(5_000);
    node.overwrite(status);
    await node.clock.advance(5_000);
    expect(node.announced).toBe(1);
  });

  test("is written by both speakers of an update, which agree, as if there were one", async () => {
    const node = new Node();
    const old = node.start(1);
    await node.clock.advance(5_000);
    const next = node.start(1);
    await node.clock.advance(5_000);
    old.says(2);
    next.says(2);
    await node.clock.advance(60_000);
    expect(node.changes).toEqual([1, 2]);
  });

  test("is the new speaker's when the old one has had the last word", async () => {
    const node = new Node();
    const old = node.start(1);
    await node.clock.advance(5_000);
    node.start(2);
    await node.clock.advance(0);
    old.says(3);
    await node.clock.advance(1_000);
    expect(node.announced).toBe(3);
    old.end();
    await node.clock.advance(5_000);
    expect(node.announced).toBe(2);
  });

  test("is not fought over: two that disagree for long write seldom", async () => {
    const node = new Node();
    node.start(1);
    node.start(2);
    await node.clock.advance(320_000);
    expect(node.requests).toBeLessThan(60);
  });

  test("is left alone by a speaker that was asked to end", async () => {
    const node = new Node();
    const speaker = node.start(1);
    await node.clock.advance(5_000);
    speaker.end();
    speaker.says(2);
    await node.clock.advance(60_000);
    expect(node.changes).toEqual([1]);
  });
});
