import type { SecureContextOptions } from "node:tls";

/**
 * What our HTTPS servers ask of whoever connects: TLS 1.3, as MetalLB does by default. Its cipher suites
 * are all sound, so there is nothing to choose; API servers and Prometheus have spoken it for years.
 *
 * A context that is set anew, for another certificate, has to be given this again.
 */
export const serverTls = { minVersion: "TLSv1.3" } as const satisfies SecureContextOptions;
