import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressAssigned,
  addressConflict,
  announced,
  type DesiredStatus,
  explainOverwrite,
  planFarewell,
  planStatus,
  type StatusChange,
} from "../../src/controller/service-status.ts";
import type { AllocationDecision } from "../../src/core/allocation/allocation-decision.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import type { MacAddress } from "../../src/core/net/mac-address.ts";
import type { AnnouncementVerdict } from "../../src/core/placement/announced.ts";
import { decodeService, type ServiceObject } from "../../src/kube/decode/service.ts";
import { ip } from "../core/net/arbitraries.ts";

const now = new Date("2026-11-23T10:00:00Z");
const later = new Date("2026-11-23T11:00:00Z");
const foreign = {
  type: "example.com/Ready",
  status: "True",
  reason: "Fine",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
};

interface RawService {
  readonly metadata: Readonly<Record<string, unknown>> & {
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: object;
  readonly status: object;
}

const fresh: RawService = {
  metadata: {
    name: "one",
    namespace: "a",
    uid: "u",
    resourceVersion: "7",
    annotations: { x: "y" },
  },
  spec: { type: "LoadBalancer" },
  status: { conditions: [foreign] },
};

function read(raw: object): ServiceObject {
  return decodeService(raw, "");
}

/** What the API server makes of a JSON merge patch (RFC 7396). */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
    return patch;
  }
  const base =
    typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      merged.delete(key);
    } else {
      merged.set(key, merge(merged.get(key), value));
    }
  }
  return Object.fromEntries(merged);
}

function apply(raw: object, change: StatusChange | undefined): RawService {
  return merge(raw, change?.patch ?? {}) as RawService;
}

function desire(decision: AllocationDecision, more: Partial<DesiredStatus> = {}): DesiredStatus {
  const pools = "addresses" in decision && decision.addresses.length > 0 ? ["web"] : [];
  return {
    ...{
      decision,
      pools,
      announcements: [],
      verdict: undefined,
      concern: undefined,
      undecided: [],
      now,
    },
    ...more,
  };
}

const byNode: AnnouncementVerdict = { status: "True", reason: "Announced", message: "by node-1" };
const pending: AnnouncementVerdict = {
  status: "Unknown",
  reason: "AnnouncementPending",
  message: "…",
};
const grant: AllocationDecision = { kind: "grant", addresses: [ip("192.0.2.4")] };
const refuse: AllocationDecision = { kind: "refuse", reason: "AddressInUse", message: "in use" };

describe("the status of a Service", () => {
  test("says address, pool and both conditions", () => {
    const change = planStatus(read(fresh), desire(grant, { verdict: byNode }));
    const { metadata, status } = apply(fresh, change);
    expect(metadata.annotations).toEqual({ x: "y", "metallb.io/ip-allocated-from-pool": "web" });
    expect(status).toMatchObject({
      loadBalancer: { ingress: [{ ip: "192.0.2.4" }] },
      conditions: [
        foreign,
        {
          type: addressAssigned,
          status: "True",
          reason: "Assigned",
          message: "192.0.2.4 from pool web",
          lastTransitionTime: "2026-11-23T10:00:00Z",
        },
        { type: announced, status: "True", reason: "Announced", message: "by node-1" },
      ],
    });
    expect(change?.news.map(({ reason }) => reason)).toEqual(["Assigned", "Announced"]);
  });

  test("names every pool of the addresses, and in MetalLB's annotation that of the first", () => {
    const addresses = [ip("192.0.2.4"), ip("198.51.100.4")];
    const desired = desire({ kind: "grant", addresses }, { pools: ["web", "dmz"] });
    const { metadata, status } = apply(fresh, planStatus(read(fresh), desired));
    expect(metadata.annotations).toMatchObject({ "metallb.io/ip-allocated-from-pool": "web" });
    expect(JSON.stringify(status)).toContain("192.0.2.4, 198.51.100.4 from pool web, dmz");
  });

  test("keeps the order in which addresses were asked for, and costs a write when that changes", () => {
    const [one, two] = [ip("192.0.2.4"), ip("192.0.2.9")];
    const first = apply(
      fresh,
      planStatus(read(fresh), desire({ kind: "grant", addresses: [two, one] })),
    );
    expect(first.status).toMatchObject({ loadBalancer: { ingress: [{ ip: two }, { ip: one }] } });
    const same = planStatus(read(first), desire({ kind: "keep", addresses: [two, one] }));
    expect(same).toBeUndefined();
    const turned = planStatus(read(first), desire({ kind: "keep", addresses: [one, two] }));
    expect(turned?.patch).toMatchObject({
      status: { loadBalancer: { ingress: [{ ip: one }, { ip: two }] } },
    });
  });

  test("is written against the version that was read", () => {
    expect(planStatus(read(fresh), desire(grant))?.patch).toMatchObject({
      metadata: { resourceVersion: "7", uid: "u" },
    });
  });

  test("gets its annotation back when somebody takes it off", () => {
    const held = apply(fresh, planStatus(read(fresh), desire(grant)));
    const bare = { ...held, metadata: { ...held.metadata, annotations: {} } };
    const change = planStatus(read(bare), desire(grant, { now: later }));
    expect(apply(bare, change)).toEqual({
      ...held,
      metadata: { ...held.metadata, annotations: { "metallb.io/ip-allocated-from-pool": "web" } },
    });
    expect(change?.news).toEqual([]);
  });

  test("says why there is no address", () => {
    const change = planStatus(read(fresh), desire(refuse));
    expect(apply(fresh, change).status).toMatchObject({
      loadBalancer: { ingress: [] },
      conditions: [foreign, { type: addressAssigned, status: "False", reason: "AddressInUse" }],
    });
  });

  test("says that the old address stays when a wish is not met", () => {
    const refusal = { reason: "AddressInUse", message: "192.0.2.5 is in use" } as const;
    const decision: AllocationDecision = { kind: "keep", addresses: [ip("192.0.2.4")], refusal };
    expect(apply(fresh, planStatus(read(fresh), desire(decision))).status).toMatchObject({
      loadBalancer: { ingress: [{ ip: "192.0.2.4" }] },
      conditions: [
        foreign,
        {
          status: "True",
          reason: "AddressInUse",
          message: "keeps 192.0.2.4 from pool web: 192.0.2.5 is in use",
        },
      ],
    });
  });

  test("loses pool and announcement with the address", () => {
    const held = apply(fresh, planStatus(read(fresh), desire(grant, { verdict: byNode })));
    const { metadata, status } = apply(
      held,
      planStatus(read(held), desire(refuse, { now: later })),
    );
    expect(metadata.annotations).toEqual({ x: "y" });
    expect(status).toMatchObject({ loadBalancer: { ingress: [] } });
    expect(JSON.stringify(status)).not.toContain(announced);
  });

  test("keeps an address that another controller wrote while it cannot be judged", () => {
    const raw = { ...fresh, status: { loadBalancer: { ingress: [{ ip: "192.0.2.9" }] } } };
    const waiting: AllocationDecision = {
      kind: "refuse",
      reason: "WaitingForSpeakers",
      message: "",
    };
    const change = planStatus(read(raw), desire(waiting, { undecided: [ip("192.0.2.9")] }));
    expect(apply(raw, change).status).toMatchObject({
      loadBalancer: { ingress: [{ ip: "192.0.2.9" }] },
      conditions: [{ status: "False", reason: "WaitingForSpeakers" }],
    });
    expect(apply(raw, planStatus(read(raw), desire(waiting))).status).toMatchObject({
      loadBalancer: { ingress: [] },
    });
  });
});

describe("a move to another node", () => {
  const held = apply(fresh, planStatus(read(fresh), desire(grant, { verdict: byNode })));

  test("is told when the new one reports, not while it is under way", () => {
    expect(planStatus(read(held), desire(grant, { verdict: pending, now: later }))).toBeUndefined();
    const change = planStatus(
      read(held),
      desire(grant, { verdict: { ...byNode, message: "by node-2" }, now: later }),
    );
    expect(change?.news).toMatchObject([{ type: announced, message: "by node-2" }]);
    expect(JSON.stringify(change?.patch)).not.toContain("11:00:00");
  });

  test("of another address is not hidden", () => {
    const other: AllocationDecision = { kind: "grant", addresses: [ip("192.0.2.5")] };
    const change = planStatus(read(held), desire(other, { verdict: pending, now: later }));
    expect(apply(held, change).status).toMatchObject({
      conditions: [foreign, {}, { type: announced, status: "Unknown" }],
    });
  });
});

describe("a status that somebody else overwrote", () => {
  const address = ip("192.0.2.4");
  const written = apply(
    fresh,
    planStatus(read(fresh), desire({ kind: "keep", addresses: [address] })),
  );
  const withStatus = (...ips: readonly string[]): ServiceObject =>
    read({
      ...written,
      metadata: { ...written.metadata, finalizers: ["svccontroller.k3s.cattle.io/daemonset"] },
      status: { ...written.status, loadBalancer: { ingress: ips.map((one) => ({ ip: one })) } },
    });

  test("is explained with the addresses, and who it is if that is known", () => {
    expect(explainOverwrite(withStatus("192.0.2.241", "192.0.2.242"), [address])).toMatch(
      /had 192\.0\.2\.241, 192\.0\.2\.242, which .* not hold: k3s ServiceLB writes it too/,
    );
  });

  test("is none while it shows what is ours, or before we have written it", () => {
    expect(explainOverwrite(withStatus("192.0.2.4"), [address])).toBeUndefined();
    expect(explainOverwrite(withStatus(), [address])).toBeUndefined();
    const loadBalancer = { ingress: [{ ip: "192.0.2.241" }] };
    const adopted = read({ ...fresh, status: { loadBalancer } });
    expect(explainOverwrite(adopted, [address])).toBeUndefined();
  });
});

test("a host that has the address, too, is named in a condition and an Event, until it is gone", () => {
  const conflicts = [
    { address: ip("192.0.2.4"), mac: "02:00:00:00:00:66" as MacAddress, node: "n" },
  ];
  const told = planStatus(read(fresh), desire(grant, { conflicts }));
  const written = read(apply(fresh, told));
  const message = expect.stringMatching(/192\.0\.2\.4 .*02:00:00:00:00:66/);
  expect(told?.news).toContainEqual(expect.objectContaining({ type: addressConflict, message }));
  expect(written.written.ingress).toEqual(["192.0.2.4"]);
  expect(planStatus(written, desire(grant, { conflicts }))).toBeUndefined();
  const over = planStatus(written, desire(grant));
  expect(JSON.stringify(over?.patch)).not.toContain(addressConflict);
  expect(over?.news).toEqual([]);
});

describe("a farewell", () => {
  const held = apply(fresh, planStatus(read(fresh), desire(grant, { verdict: byNode })));
  const ours: readonly IpAddress[] = [ip("192.0.2.4")];

  test("takes our traces off, and nobody else's", () => {
    const { metadata, status } = apply(held, planFarewell(read(held), ours, now));
    expect(metadata.annotations).toEqual({ x: "y" });
    expect(status).toEqual({ loadBalancer: { ingress: [] }, conditions: [foreign] });
  });

  test("is said once", () => {
    const gone = apply(held, planFarewell(read(held), ours, now));
    expect(planFarewell(read(gone), [], now)).toBeUndefined();
    expect(planFarewell(read(fresh), [], now)).toBeUndefined();
  });

  test("leaves the annotation of MetalLB on a Service that was never ours", () => {
    const annotations = { "metallb.io/ip-allocated-from-pool": "theirs" };
    const theirs = merge(fresh, { metadata: { annotations } }) as object;
    expect(planFarewell(read(theirs), [], now)).toBeUndefined();
  });

  test("takes off what is known to be ours, and the rest when that is", () => {
    const ingress = [{ ip: "192.0.2.4" }, { ip: "2001:db8::4" }];
    const dual = merge(held, { status: { loadBalancer: { ingress } } }) as object;
    const first = apply(dual, planFarewell(read(dual), [ip("192.0.2.4")], now));
    expect(first.status).toMatchObject({ loadBalancer: { ingress: [{ ip: "2001:db8::4" }] } });
    const last = apply(first, planFarewell(read(first), [ip("2001:db8::4")], now));
    expect(last.status).toMatchObject({ loadBalancer: { ingress: [] } });
  });

  test("leaves the status that another controller wrote", () => {
    const foreignOnes = [{ ip: "203.0.113.1" }, { hostname: "lb.example.com" }];
    const ingress = [{ ip: "192.0.2.4" }, ...foreignOnes];
    const theirs = merge(held, { status: { loadBalancer: { ingress } } }) as object;
    const { status } = apply(theirs, planFarewell(read(theirs), ours, now));
    expect(status).toMatchObject({ loadBalancer: { ingress: foreignOnes } });
  });
});

describe("whatever was decided", () => {
  const addresses = fc.subarray(["192.0.2.4", "192.0.2.5", "2001:db8::4"].map(ip), {
    minLength: 1,
  });
  const refusal = fc
    .constantFrom("AddressInUse" as const, "PoolExhausted" as const)
    .map((reason) => ({
      reason,
      message: `because of ${reason}`,
    }));
  const decision: fc.Arbitrary<AllocationDecision> = fc.oneof(
    addresses.map((it) => ({ kind: "grant" as const, addresses: it })),
    fc
      .tuple(addresses, refusal)
      .map(([it, why]) => ({ kind: "keep" as const, addresses: it, refusal: why })),
    refusal.map((why) => ({ kind: "refuse" as const, ...why })),
  );
  const desired = fc
    .tuple(decision, fc.constantFrom(undefined, byNode, pending))
    .map(([it, verdict]) => desire(it, it.kind === "refuse" ? {} : { verdict }));

  test("writing it once is enough, and what is not ours stays", () => {
    fc.assert(
      fc.property(fc.array(desired, { minLength: 1, maxLength: 6 }), (history) => {
        let raw = fresh;
        for (const it of history) {
          const change = planStatus(read(raw), it);
          raw = apply(raw, change);
          expect(planStatus(read(raw), { ...it, now: later })).toBeUndefined();
          expect(raw.status).toMatchObject({ conditions: expect.arrayContaining([foreign]) });
          expect(raw.metadata.annotations["x"]).toBe("y");
        }
      }),
    );
  });

  test("a status in which the API server filled in ipMode and others added ports is written no more", () => {
    const decision: AllocationDecision = { kind: "keep", addresses: [ip("192.0.2.4")] };
    const desired = desire(decision);
    const written = apply(fresh, planStatus(read(fresh), desired));
    const ingress = [{ ip: "192.0.2.4", ipMode: "VIP", ports: [{ port: 80, protocol: "TCP" }] }];
    const filled = { ...written, status: { ...written.status, loadBalancer: { ingress } } };
    expect(planStatus(read(filled), { ...desired, now: later })).toBeUndefined();
  });

  test("an Event is told only of what changed, and not of what is still unknown", () => {
    fc.assert(
      fc.property(desired, desired, (first, second) => {
        const raw = apply(fresh, planStatus(read(fresh), first));
        const before = read(raw).written.conditions;
        for (const item of planStatus(read(raw), second)?.news ?? []) {
          const old = before.find(({ type }) => type === item.type);
          expect(item.status).not.toBe("Unknown");
          expect([old?.status, old?.reason, old?.message]).not.toEqual([
            item.status,
            item.reason,
            item.message,
          ]);
        }
      }),
    );
  });
});

test("that a dead node's heir announces is no news of the Service; any other change of the node is", () => {
  const address = ip("192.0.2.4");
  const before = { ...byNode, message: `${address} by node-1` };
  const held = apply(fresh, planStatus(read(fresh), desire(grant, { verdict: before })));
  const newsOf = (heirOf: string | undefined): readonly unknown[] | undefined => {
    const owner = { address, unplaced: undefined, owner: "node-2", heirOf };
    const versions = { allocationVersion: 1n, bundleVersion: 1n, report: undefined };
    const verdict = { ...byNode, message: `${address} by node-2` };
    const announcements = [{ ...owner, ...versions }];
    return planStatus(read(held), desire(grant, { verdict, announcements, now: later }))?.news;
  };
  expect(newsOf("node-1")).toEqual([]);
  expect(newsOf("node-3")).toMatchObject([{ type: announced, status: "True" }]);
  expect(newsOf(undefined)).toMatchObject([{ type: announced, status: "True" }]);
});
