import { beforeAll, describe, expect, test } from "vitest";
import {
  type CertificateState,
  planCertificate,
} from "../../../src/controller/admission/certificate-plan.ts";
import type { CertificatePair, WebhookSecret } from "../../../src/kube/decode/webhook-secret.ts";
import { CertificateAuthority } from "../../../src/runtime/certificate-authority.ts";

const dayMs = 86_400_000;
const now = new Date("2026-06-01T12:00:00Z");
const serverName = "steelyard-webhook.steelyard-system.svc";

interface Issued {
  readonly pair: CertificatePair;
  readonly authority: string;
}

async function issue(fromDays: number, toDays: number, name = serverName): Promise<Issued> {
  const at = (days: number): Date => new Date(now.getTime() + days * dayMs);
  const validity = { notBefore: at(fromDays), notAfter: at(toDays) };
  const authority = await CertificateAuthority.create("test", validity);
  const pair = await authority.issue({
    subject: [{ CN: ["test"] }],
    usage: "server",
    names: [name],
    ...validity,
  });
  return { pair, authority: authority.certificate };
}

let [fresh, old, other, expired, early]: Issued[] = [];

beforeAll(async () => {
  [fresh, old, other, expired, early] = await Promise.all([
    issue(-1, 364),
    issue(-300, 65),
    issue(-1, 364, "somebody-else.steelyard-system.svc"),
    issue(-400, -1),
    issue(1, 366),
  ]);
});

function plan(
  secret: Partial<WebhookSecret>,
  trustedForMs: number | undefined = undefined,
): ReturnType<typeof planCertificate> {
  const whole = { serving: undefined, next: undefined, authorities: "", ...secret };
  const state: CertificateState = { secret: whole, serverName, now, trustedForMs };
  return planCertificate(state);
}

describe("a certificate", () => {
  const served = (issued: Issued | undefined): Partial<WebhookSecret> => ({
    serving: issued?.pair,
    authorities: issued?.authority ?? "",
  });

  test("is issued where there is none, as after the install", () => {
    expect(plan({})).toBe("issue");
  });

  test("is left alone while it is good for long", () => {
    expect(plan(served(fresh))).toBe("none");
  });

  test.each([
    ["has expired", () => served(expired)],
    ["is good only tomorrow, made by a clock that was ahead", () => served(early)],
    ["is for another name", () => served(other)],
    [
      "is of an authority that is not there",
      () => ({ ...served(fresh), authorities: old?.authority ?? "" }),
    ],
    ["is no certificate", () => ({ ...served(fresh), serving: { cert: "x", key: "y" } })],
    [
      "does not fit its key",
      () => ({
        ...served(fresh),
        serving: { cert: fresh?.pair.cert ?? "", key: old?.pair.key ?? "" },
      }),
    ],
  ])("that %s is replaced at once", (_, secret) => {
    expect(plan(secret())).toBe("issue");
  });

  test("has a successor made well before its end", () => {
    expect(plan(served(old))).toBe("prepare");
  });

  describe("with a successor", () => {
    const both = (): Partial<WebhookSecret> => ({
      serving: old?.pair,
      next: fresh?.pair,
      authorities: `${fresh?.authority}\n${old?.authority}`,
    });

    test("is served until every API server has had time to trust the successor", () => {
      expect(plan(both(), undefined)).toBe("none");
      expect(plan(both(), 29_999)).toBe("none");
      expect(plan(both(), 30_000)).toBe("promote");
    });

    test("gives way at once when it cannot be served any more", () => {
      expect(plan({ ...both(), serving: expired?.pair })).toBe("promote");
    });

    test("gets another one when that cannot be used", () => {
      expect(plan({ ...both(), next: other?.pair }, 60_000)).toBe("prepare");
    });
  });
});
