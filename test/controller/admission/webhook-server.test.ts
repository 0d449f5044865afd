import { once } from "node:events";
import { request } from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebhookServer } from "../../../src/controller/admission/webhook-server.ts";
import type { AdmissionRequest, AdmissionVerdict } from "../../../src/kube/admission-review.ts";
import type { CertificatePair } from "../../../src/kube/decode/webhook-secret.ts";
import { CertificateAuthority } from "../../../src/runtime/certificate-authority.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { Log } from "../../../src/runtime/log.ts";
import { handshake } from "../../runtime/handshake.ts";

const servername = "webhook.test.svc";
const validity = { notBefore: new Date(0), notAfter: new Date(Date.now() + 3_600_000) };

let authority: CertificateAuthority;
let [first, second]: CertificatePair[] = [];

beforeAll(async () => {
  authority = await CertificateAuthority.create("test", validity);
  const order = { subject: [{ CN: ["x"] }], usage: "server", names: [servername] } as const;
  const make = (): Promise<CertificatePair> =>
    authority.issue({ ...order, subject: [{ CN: ["x"] }], ...validity });
  [first, second] = await Promise.all([make(), make()]);
});

let end: AbortController;
let running: Promise<void>;
let server: WebhookServer;
/** Only who waits for its end has a short one: a busy machine may take long over a handshake. */
let patienceMs: number;
let connectionsMax: number | undefined;
let certificate: CertificatePair | undefined;
let certificateChanged: () => void;
/** How often the server asked which certificate it should have. */
let looks = 0;
let asked: AdmissionRequest[];
let answer: () => AdmissionVerdict;
/** The levels of what was logged. */
let logged: (keyof Log)[];
const note =
  (level: keyof Log): Log["info"] =>
  () =>
    void logged.push(level);
const log: Log = {
  debug: note("debug"),
  info: note("info"),
  warn: note("warn"),
  error: note("error"),
  child: () => log,
};

async function serve(): Promise<void> {
  end = new AbortController();
  server = new WebhookServer({
    port: 0,
    certificate: () => {
      looks += 1;
      return certificate;
    },
    onCertificate: (listener) => {
      certificateChanged = listener;
    },
    judge: (one) => {
      asked.push(one);
      return answer();
    },
    clock: systemClock,
    log,
    patienceMs,
    connectionsMax,
  });
  running = server.run(end.signal);
  await until(() => server.port !== undefined);
}

async function stop(): Promise<void> {
  end.abort();
  await running;
}

beforeEach(async () => {
  certificate = first;
  asked = [];
  logged = [];
  answer = () => ({ allowed: true, message: undefined, warnings: [] });
  patienceMs = 60_000;
  connectionsMax = undefined;
  await serve();
});

afterEach(stop);

/** Gives the server another certificate; resolves when it has taken it, or has not. */
async function change(to: CertificatePair | undefined): Promise<void> {
  const before = looks;
  certificate = to;
  certificateChanged();
  await until(() => looks > before);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await systemClock.sleep(5);
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Question {
  readonly path?: string;
  readonly method?: string;
  readonly type?: string;
}

function post(
  body: string,
  { path = "/validate?timeout=2s", method = "POST", type }: Question = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": type ?? "application/json" };
    const to = { port: server.port, host: "127.0.0.1", servername, ca: authority.certificate };
    const sent = request({ ...to, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function review(more: object = {}): object {
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "u-1",
      operation: "CREATE",
      resource: { group: "metallb.io", version: "v1beta1", resource: "ipaddresspools" },
      object: { metadata: { name: "p" } },
      oldObject: null,
      ...more,
    },
  };
}

/** A question as it is on the wire. */
function question(): string {
  const body = JSON.stringify(review());
  const head = ["POST /validate HTTP/1.1", "host: a", "content-type: application/json"];
  return [...head, `content-length: ${body.length}`, "", body].join("\r\n");
}

/** Says `words` on a connection of their own. */
function say(words: string): TLSSocket {
  const to = { port: server.port ?? 0, host: "127.0.0.1", servername, ca: authority.certificate };
  const socket = connect(to, () => socket.write(words));
  return socket.on("error", () => undefined);
}

/** The first line of what is answered next, or `closed`. */
function answerOn(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("data", (answer) => resolve(String(answer).split("\r\n")[0] ?? ""));
    socket.once("close", () => resolve("closed"));
  });
}

const ask = async (body: object = review()): Promise<Answer> => await post(JSON.stringify(body));

describe("the webhook's server", () => {
  test("answers what was asked, under the question's uid", async () => {
    expect(await ask()).toEqual({
      status: 200,
      body: {
        apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: { uid: "u-1", allowed: true },
      },
    });
    expect(asked).toEqual([
      {
        uid: "u-1",
        operation: "CREATE",
        group: "metallb.io",
        resource: "ipaddresspools",
        object: { metadata: { name: "p" } },
        oldObject: undefined,
      },
    ]);
  });

  test("refuses with words, and warns with lines that fit a terminal", async () => {
    const warnings = ["one\ntwo\u001b[31m", "x".repeat(1_200)];
    answer = () => ({ allowed: false, message: "no", warnings });
    expect((await ask()).body).toMatchObject({
      response: {
        allowed: false,
        status: { message: "no" },
        warnings: ["one?two?[31m", `${"x".repeat(999)}…`],
      },
    });
  });

  test.each<[string, number, string, Question]>([
    ["another path", 404, "{}", { path: "/" }],
    ["another method", 405, "", { method: "GET" }],
    ["another type", 415, "{}", { type: "text/plain" }],
    ["no JSON", 400, "{", {}],
    ["another object", 400, '{"kind": "List"}', {}],
    ["more than 1 MiB", 413, " ".repeat((1 << 20) + 1), {}],
  ])("does not judge %s: %i", async (_, status, body, question) => {
    expect((await post(body, question)).status).toBe(status);
    expect(asked).toEqual([]);
  });

  test.each([
    ["/validate", 413],
    ["/elsewhere", 404],
  ])(
    "hears to its end what it does not judge, so that nobody is cut off: %s",
    async (path, status) => {
      const to = {
        port: server.port ?? 0,
        host: "127.0.0.1",
        servername,
        ca: authority.certificate,
      };
      const socket = connect(to).on("error", () => undefined);
      const write = (text: string): Promise<void> =>
        new Promise((resolve, reject) => {
          socket.write(text, (error) => (error ? reject(error) : resolve()));
        });
      const head = [`POST ${path} HTTP/1.1`, "host: a", "content-type: application/json"];
      await write([...head, `content-length: ${2 << 20}`, "", ""].join("\r\n"));
      for (let piece = 0; piece < 32; piece += 1) {
        await write(" ".repeat(1 << 16));
        await systemClock.sleep(1);
      }
      const [answer] = await once(socket, "data");
      expect(String(answer)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      socket.destroy();
    },
  );

  test.each([
    ["without a uid", { uid: "" }],
    ["of an unknown operation", { operation: "CONNECT" }],
    ["of a creation without an object", { object: null }],
    ["of an edit without the old object", { operation: "UPDATE" }],
    ["of a deletion without the old object", { operation: "DELETE" }],
    ["of an object that is a list", { object: [] }],
    ["without a resource", { resource: undefined }],
  ])("does not judge a request %s", async (_, more) => {
    expect((await ask(review(more))).status).toBe(400);
    expect(asked).toEqual([]);
  });

  test("says that it failed when judging fails, so that the API server lets the object in", async () => {
    answer = () => {
      throw new Error("a bug");
    };
    expect((await ask()).status).toBe(500);
    expect(logged).toEqual(["info", "error"]);
  });

  test("says no word at the level of errors of a question that breaks off", async () => {
    logged = [];
    const to = { port: server.port, host: "127.0.0.1", servername, ca: authority.certificate };
    const headers = { "content-type": "application/json", "content-length": 100 };
    const begun = request({ ...to, path: "/validate", method: "POST", headers, agent: false });
    begun.on("error", () => undefined);
    // Its end comes behind what was said, however late that is read.
    begun.write("{", () => begun.socket?.end());
    await until(() => logged.length > 0);
    expect(logged).toEqual(["debug"]);
  });

  test("lets nobody keep a connection who says nothing, before or after the handshake or in a body", async () => {
    await stop();
    patienceMs = 100;
    await serve();
    const to = { port: server.port ?? 0, host: "127.0.0.1", servername, ca: authority.certificate };
    const ended = (socket: Socket): Promise<void> =>
      new Promise((resolve) => {
        socket.on("error", () => undefined).on("close", () => resolve());
        socket.resume();
      });
    const stuck = connect(to, () =>
      stuck.write("POST /elsewhere HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{"),
    );
    await Promise.all([ended(connectTcp(to)), ended(connect(to)), ended(stuck)]);
  });

  test("takes the places of those who asked once and are silent when all are taken, and of nobody who asks", async () => {
    await stop();
    connectionsMax = 4;
    await serve();
    const text = question();
    const asking = say(text);
    expect(await answerOn(asking)).toBe("HTTP/1.1 200 OK");
    asking.write(text.slice(0, -1));
    for (let at = 0; at < 8; at += 1) {
      expect(await answerOn(say(text))).toBe("HTTP/1.1 200 OK");
    }
    asking.write(text.slice(-1));
    expect(await answerOn(asking)).toBe("HTTP/1.1 200 OK");
    expect((await ask()).status).toBe(200);
  });

  test("speaks HTTP/1.1 by TLS 1.3 and no older one, also with a certificate that came later", async () => {
    const to = { port: server.port ?? 0, servername, ca: authority.certificate };
    const shaken = (version: SecureVersion): Promise<string> =>
      handshake(version, { ...to, ALPNProtocols: ["h2", "http/1.1"] });
    for (const pair of [first, second]) {
      await change(pair);
      expect(await shaken("TLSv1.3")).toBe("TLSv1.3 http/1.1");
      expect(await shaken("TLSv1.2")).toBe("refused");
      expect(await shaken("TLSv1.1")).toBe("refused");
    }
  });
});

describe("its certificate", () => {
  const served = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const to = {
        port: server.port ?? 0,
        host: "127.0.0.1",
        servername,
        ca: authority.certificate,
      };
      const socket = connect(to, () => {
        resolve(socket.getPeerX509Certificate()?.toString().trim() ?? "");
        socket.destroy();
      });
      socket.once("error", reject);
    });

  test("is replaced without a break", async () => {
    expect(await served()).toBe(first?.cert.trim());
    const text = question();
    const asking = say(text);
    expect(await answerOn(asking)).toBe("HTTP/1.1 200 OK");
    asking.write(text.slice(0, -1));
    const answers = Promise.all(Array.from({ length: 8 }, () => ask()));
    await change(second);
    asking.write(text.slice(-1));
    expect(await answerOn(asking)).toBe("HTTP/1.1 200 OK");
    expect((await answers).map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(await served()).toBe(second?.cert.trim());
  });

  test("stays what it was when what comes cannot be used", async () => {
    await change({ cert: first?.cert ?? "", key: second?.key ?? "" });
    expect(await served()).toBe(first?.cert.trim());
    await change(undefined);
    expect(await served()).toBe(first?.cert.trim());
  });
});
