import "./reflect-metadata.ts";
import type { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { apiServer, kubernetesService } from "./addresses.ts";

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const lifetimeMs = 7 * 24 * 3_600_000;

/** A cluster's certificate authority. It lives in memory; its key is never written anywhere. */
export class CertificateAuthority {
  readonly #certificate: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#certificate = certificate;
    this.#keys = keys;
  }

  /** Makes a new authority, valid for a week. */
  static async create(): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: "CN=steelyard-sandbox",
      ...validity(),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(certificate, keys);
  }

  /** The authority's own certificate, PEM: what a client trusts. */
  get certificate(): string {
    return this.#certificate.toString("pem");
  }

  /** A client certificate for a Kubernetes user in the given groups, good for `forMs` from now. */
  async issueClient(
    user: string,
    groups: readonly string[] = [],
    forMs = lifetimeMs,
  ): Promise<KeyPair> {
    return await this.#issue(
      [{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))],
      [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
      forMs,
    );
  }

  /**
   * The API server's serving certificate, for every name and address that it is
   * known by, good for `forMs` from now; negative: it ended so long ago.
   */
  async issueApiServer(forMs = lifetimeMs): Promise<KeyPair> {
    const service = "kubernetes.default.svc.cluster.local".split(".");
    const names = ["localhost", ...[1, 2, 3, 5].map((n) => service.slice(0, n).join("."))];
    const addresses = [apiServer.address, "127.0.0.1", ...kubernetesService];
    return await this.#issue(
      [{ CN: ["kube-apiserver"] }],
      [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([
          ...names.map((value) => ({ type: "dns" as const, value })),
          ...addresses.map((value) => ({ type: "ip" as const, value })),
        ]),
      ],
      forMs,
    );
  }

  async #issue(
    subject: { readonly [attribute: string]: string[] }[],
    extensions: readonly Extension[],
    forMs: number,
  ): Promise<KeyPair> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: this.#certificate.subject,
      ...validity(forMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        new BasicConstraintsExtension(false),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        await AuthorityKeyIdentifierExtension.create(this.#certificate),
        ...extensions,
      ],
    });
    return { cert: certificate.toString("pem"), key: await privateKeyPem(keys) };
  }
}

/** The key with which service account tokens are signed, and its public half, both PEM. */
export async function serviceAccountKeys(): Promise<{ key: string; publicKey: string }> {
  const keys = await generateKeys();
  const spki = await crypto.subtle.exportKey("spki", keys.publicKey);
  return { key: await privateKeyPem(keys), publicKey: PemConverter.encode(spki, "PUBLIC KEY") };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function privateKeyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(
    await crypto.subtle.exportKey("pkcs8", keys.privateKey),
    "PRIVATE KEY",
  );
}

/** Positive and random, as RFC 5280 section 4.1.2.2 wants it. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

/** From an hour ago, so that clocks read in another order do no harm. */
function validity(forMs = lifetimeMs): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + forMs) };
}
