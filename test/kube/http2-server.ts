import { once } from "node:events";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { CertificateAuthority } from "../../sandbox/certificates.ts";
import { Transport } from "../../src/kube/transport.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";

/**
 * A connection over HTTP/2 to a server that answers `/version`, and leaves the rest to
 * `onStream`. Both must be closed.
 */
export async function openTransport(
  onStream: (stream: ServerHttp2Stream) => void,
): Promise<{ readonly server: Http2SecureServer; readonly transport: Transport }> {
  const authority = await CertificateAuthority.create();
  const server = createSecureServer(await authority.issueApiServer());
  server.on("stream", (stream, { ":path": path }) => {
    if (path === "/version") {
      stream.respond({ ":status": 200 });
      stream.end("{}");
    } else {
      onStream(stream);
    }
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  const access = {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    tls: async () => ({ ca: authority.certificate }),
    authorization: async () => undefined,
    refused: () => undefined,
  };
  const transport = new Transport({ access, log: silentLog, clock: systemClock });
  await transport.request({ method: "GET", path: "/version" });
  return { server, transport };
}
