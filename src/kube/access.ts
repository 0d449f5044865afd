/** How to prove the API server's identity, and with client certificates our own. PEM. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

/** Where the API server is, and who we are. */
export interface ClusterAccess {
  /** The base URL, possibly with a path prefix. */
  readonly url: string;
  /** The namespace that the user works in; undefined: none is said. */
  readonly namespace?: string | undefined;
  /** What the next connection uses; read again for each, so that rotated certificates take effect. */
  tls(): Promise<TlsMaterial>;
  /** The value of the `Authorization` header, or undefined when a certificate says who we are. */
  authorization(): Promise<string | undefined>;
  /** The server refused the credentials with 401: the next {@link authorization} must not use a remembered one. */
  refused(): void;
}

/** Tokens are replaced well before they expire; this is how long one is used without looking. */
export const tokenRereadMs = 60_000;
