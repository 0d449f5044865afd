import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type ClientHttp2Stream, constants } from "node:http2";

const created = "http2.client.stream.created";

/**
 * Has a request that is given up end at the server too, at once, on every HTTP/2 connection
 * opened from now on.
 *
 * undici (8.12) closes its stream without a code and destroys it. Without one node (24) waits for
 * what was written before it tells the server, and by then has forgotten the stream. So the server
 * goes on; its answer comes to a stream without an owner, whose end would be an 'error' without a
 * listener; and what is missing of a body node sends as empty frames, without end: the process
 * stands still.
 */
export function cancelGivenUpRequests(): void {
  unsubscribe(created, cancelWhenClosed);
  subscribe(created, cancelWhenClosed);
}

/** With this code the server is told at once. undici itself names a code wherever it does not give up. */
function cancelWhenClosed(message: unknown): void {
  const { stream } = message as { readonly stream: ClientHttp2Stream };
  const close = stream.close.bind(stream);
  stream.close = (code = constants.NGHTTP2_CANCEL, callback) => close(code, callback);
}
