import { generateKeyPairSync } from "node:crypto";
import {
  CertificateAuthority as Authority,
  type KeyPair,
  type Validity,
} from "../src/runtime/certificate-authority.ts";
import { apiServer, kubernetesService } from "./addresses.ts";

const lifetimeMs = 7 * 24 * 3_600_000;

/** A cluster's certificate authority. It lives in memory; its key is never written anywhere. */
export class CertificateAuthority {
  readonly #authority: Authority;

  private constructor(authority: Authority) {
    this.#authority = authority;
  }

  /** Makes a new authority, valid for a week. */
  static async create(): Promise<CertificateAuthority> {
    return new CertificateAuthority(await Authority.create("steelyard-sandbox", validity()));
  }

  /** The authority's own certificate, PEM: what a client trusts. */
  get certificate(): string {
    return this.#authority.certificate;
  }

  /** A client certificate for a Kubernetes user in the given groups, good for `forMs` from now. */
  async issueClient(
    user: string,
    groups: readonly string[] = [],
    forMs = lifetimeMs,
  ): Promise<KeyPair> {
    return await this.#authority.issue({
      subject: [{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))],
      usage: "client",
      ...validity(forMs),
    });
  }

  /**
   * The API server's serving certificate, for every name and address that it is
   * known by, good for `forMs` from now; negative: it ended so long ago.
   */
  async issueApiServer(forMs = lifetimeMs): Promise<KeyPair> {
    const service = "kubernetes.default.svc.cluster.local".split(".");
    const names = ["localhost", ...[1, 2, 3, 5].map((n) => service.slice(0, n).join("."))];
    const addresses = [apiServer.address, "127.0.0.1", ...kubernetesService];
    return await this.#authority.issue({
      subject: [{ CN: ["kube-apiserver"] }],
      usage: "server",
      names,
      addresses,
      ...validity(forMs),
    });
  }
}

/** The key with which service account tokens are signed, and its public half, both PEM. */
export function serviceAccountKeys(): { key: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  return { key: privateKey, publicKey };
}

/** From an hour ago, so that clocks read in another order do no harm. */
function validity(forMs = lifetimeMs): Validity {
  const now = Date.now();
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + forMs) };
}
