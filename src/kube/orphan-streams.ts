import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type ClientHttp2Stream, constants } from "node:http2";

const created = "http2.client.stream.created";

/**
 * Has the streams ended that nobody reads, on every HTTP/2 connection opened from now on.
 *
 * When a request is given up before it was sent completely, undici drops its stream and nothing
 * tells the server. Its answer still comes, and node opens a new stream for it that has no owner:
 * a watch would run on for ever, and the end of the connection would be an 'error' without a
 * listener, which ends the process.
 */
export function endOrphanStreams(): void {
  unsubscribe(created, followSession);
  subscribe(created, followSession);
}

/** A session tells of streams that it did not ask for, but for pushes, which undici refuses: orphans. */
function followSession(message: unknown): void {
  const { session } = (message as { readonly stream: ClientHttp2Stream }).stream;
  if (session !== undefined && session.listenerCount("stream") === 0) {
    session.on("stream", endOrphan);
  }
}

function endOrphan(stream: ClientHttp2Stream): void {
  stream.on("error", () => {
    // It ends with its connection, which others tell of.
  });
  stream.close(constants.NGHTTP2_CANCEL);
}
