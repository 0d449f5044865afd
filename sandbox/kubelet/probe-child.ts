/**
 * Runs in a node's network namespace and tries HTTP and TCP probes there: one
 * JSON question per line of stdin, one JSON answer per line of stdout. It ends
 * with its stdin.
 */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { ProbeAnswer, ProbeQuestion } from "./prober.ts";

function answer(id: number, failure: string | undefined): void {
  const line: ProbeAnswer = failure === undefined ? { id } : { id, failure };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function tryHttp(question: ProbeQuestion, done: (failure?: string) => void): void {
  const { host, port, timeoutMs, http } = question;
  const send = http?.scheme === "HTTPS" ? httpsRequest : httpRequest;
  const request = send({
    host,
    port,
    path: http?.path ?? "/",
    headers: { "user-agent": "kube-probe/1.37", connection: "close", ...http?.headers },
    // As the kubelet: a probe asks for life, not for identity.
    rejectUnauthorized: false,
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
  });
  request.on("response", (response) => {
    response.resume();
    const status = response.statusCode ?? 0;
    done(status >= 200 && status < 400 ? undefined : `HTTP status ${status}`);
  });
  request.on("error", (error) => done(error.message));
  request.end();
}

function tryTcp({ host, port, timeoutMs }: ProbeQuestion, done: (failure?: string) => void): void {
  const socket = connect({ host, port });
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer in ${timeoutMs} ms`)));
  socket.on("connect", () => {
    socket.destroy();
    done();
  });
  socket.on("error", (error) => done(error.message));
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const question = JSON.parse(line) as ProbeQuestion;
    const attempt = question.http === undefined ? tryTcp : tryHttp;
    attempt(question, (failure) => answer(question.id, failure));
  })
  .on("close", () => process.exit(0));
