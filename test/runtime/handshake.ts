import { type ConnectionOptions, connect, type SecureVersion } from "node:tls";

/**
 * Shakes hands with a server on this machine that may choose no version but `version`; resolves to what
 * was agreed on, such as `TLSv1.3 http/1.1`, or `refused`. Offers every cipher suite, old ones too, so that
 * the version alone decides.
 */
export function handshake(version: SecureVersion, to: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(
      {
        ...to,
        host: "127.0.0.1",
        minVersion: version,
        maxVersion: version,
        ciphers: "DEFAULT@SECLEVEL=0",
      },
      () => {
        resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
        socket.destroy();
      },
    );
    socket.once("error", () => resolve("refused"));
  });
}
