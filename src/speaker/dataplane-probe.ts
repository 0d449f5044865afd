import { get } from "node:http";
import type { Dataplane } from "../core/model/l2-speaker.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";

/** Where kube-proxy tells of its health unless configured otherwise, on nodes of either family. */
export const kubeProxyHealth: readonly string[] = [
  "http://127.0.0.1:10256/healthz",
  "http://[::1]:10256/healthz",
];

export interface DataplaneProbeOptions {
  /** Asked in this order; the first that answers counts. Empty: nobody is asked. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Called when what is known changed. */
  readonly onChange: () => void;
}

const periodMs = 5_000;
const timeoutMs = 1_000;

/** So many questions without an answer say more than that kube-proxy is being updated. */
const patience = 3;

/** The last two: without IPv6 there is no `::1` to connect to. */
const nobodyListens: ReadonlySet<string | undefined> = new Set([
  "ECONNREFUSED",
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
]);

/** What one question brought; `silence` is no answer: it may be over in a moment. */
interface Answer extends Dataplane {
  readonly silence: boolean;
}

/**
 * Asks this node's kube-proxy, every five seconds, whether it keeps its rules up to date.
 *
 * An answer counts at once. Silence counts when it lasts, because the rules stay while kube-proxy
 * is being replaced. Silence at first, whatever kind of, means that nobody was heard yet, as on a
 * node that boots: one late answer to a speaker that just started must not cost the node its addresses.
 */
export class DataplaneProbe {
  readonly #options: DataplaneProbeOptions;
  #known: Dataplane | undefined;
  #silences = 0;

  constructor(options: DataplaneProbeOptions) {
    this.#options = options;
    if (options.urls.length === 0) {
      this.#known = { state: "Unasked", message: "switched off by --dataplane-health=none" };
    }
  }

  /** What is known; `undefined` before the first question was asked. */
  get dataplane(): Dataplane | undefined {
    return this.#known;
  }

  /** Asks once. Never rejects; takes two seconds at most. */
  async ask(): Promise<void> {
    const { silence, state: said, message } = await askAny(this.#options.urls);
    this.#silences = silence ? this.#silences + 1 : 0;
    const isBrief = silence && this.#silences < patience;
    if (isBrief && this.#known !== undefined) {
      return;
    }
    const state = isBrief ? "Absent" : said;
    if (state !== this.#known?.state || message !== this.#known.message) {
      this.#known = { state, message };
      const { log, onChange } = this.#options;
      log[state === "Healthy" ? "info" : "warn"]({ state }, `kube-proxy of this node: ${message}`);
      onChange();
    }
  }

  /** Goes on asking until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { urls, clock } = this.#options;
    while (urls.length > 0 && !signal.aborted) {
      await this.ask();
      await clock.sleep(periodMs, signal);
    }
  }
}

async function askAny(urls: readonly string[]): Promise<Answer> {
  let answer = absent(`nobody listens at ${urls.join(" or ")}`);
  for (const url of urls) {
    const said = await ask(url);
    if (said !== undefined) {
      answer = said;
      break;
    }
  }
  return answer;
}

/** What came of asking there; `undefined`: nobody listens. */
function ask(url: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = get(url, { agent: false, signal }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body = (body + text).slice(0, 1_024);
      });
      response.on("end", () => resolve(judge(url, response.statusCode ?? 0, body)));
      response.on("error", () => resolve(hanging(url)));
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      resolve(nobodyListens.has(error.code) ? undefined : hanging(url));
    });
  });
}

function judge(url: string, status: number, body: string): Answer {
  if (status === 200) {
    return { state: "Healthy", message: `${url} says that it is healthy`, silence: false };
  }
  if (status !== 503) {
    return absent(`${url} answers ${status}, as kube-proxy never does`);
  }
  return /"nodeEligible":\s*false/.test(body)
    ? { state: "NodeLeaving", message: `${url} says that the node goes`, silence: false }
    : { state: "Unhealthy", message: `${url} says that its rules are late`, silence: false };
}

function absent(message: string): Answer {
  return { state: "Absent", message, silence: true };
}

function hanging(url: string): Answer {
  return { state: "Unhealthy", message: `${url} gives no answer`, silence: true };
}
