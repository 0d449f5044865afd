import { openTransport } from "./http2-server.ts";

/**
 * A program that gives writes up in many moments between their beginning and their answer. It
 * ends soon, or stands still and must be killed.
 */
const { server, transport } = await openTransport((stream) => {
  stream.on("error", () => undefined);
  setImmediate(() => {
    if (!stream.destroyed) {
      stream.respond({ ":status": 200 });
      stream.end("{}");
    }
  });
});

/** Few enough for a server that takes many cancelled streams at once for an attack. */
const most = 3 ** 4;

/** One moment later, of three kinds. */
const later: readonly (() => Promise<unknown>)[] = [
  async () => undefined,
  () => new Promise<void>((resolve) => process.nextTick(resolve)),
  () => new Promise((resolve) => setImmediate(resolve)),
];

async function giveUpAfter(moments: readonly number[], bodies: readonly string[]): Promise<void> {
  const stop = new AbortController();
  const writes = Promise.allSettled(
    bodies.map((body) =>
      transport.request({ method: "PUT", path: "/x", body, signal: stop.signal }),
    ),
  );
  for (const moment of moments) {
    await later[moment]?.();
  }
  stop.abort(new Error("given up"));
  await writes;
}

const small = "x".repeat(500);
const large = "x".repeat(100_000);
let given = 0;
for (let moments = 0; moments < most; moments++) {
  const digits = [...moments.toString(3)].map(Number);
  for (const bodies of [[small], [small, large, small, small]]) {
    await giveUpAfter(digits, bodies);
    given += bodies.length;
  }
}
await transport.request({ method: "GET", path: "/version" });
process.stdout.write(`${given} writes given up, and the process is alive\n`);
await transport.close();
server.close();
