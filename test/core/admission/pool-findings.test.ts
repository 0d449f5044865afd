import { beforeEach, describe, expect, test } from "vitest";
import type { Finding } from "../../../src/core/admission/finding.ts";
import { poolFindings, type WrittenPool } from "../../../src/core/admission/pool-findings.ts";
import { ip } from "../net/arbitraries.ts";
import { AdmissionWorld, writtenPool } from "./admission-world.ts";

let world: AdmissionWorld;

beforeEach(() => {
  world = new AdmissionWorld();
});

function create(after: WrittenPool): readonly Finding[] {
  return poolFindings({ before: undefined, after }, world);
}

function change(before: WrittenPool, after: WrittenPool | undefined): readonly Finding[] {
  return poolFindings({ before, after }, world);
}

describe("a new pool", () => {
  test("without a fault passes", () => {
    world.addPool("other", { addresses: ["198.51.100.0/24", "2001:db8::/64"] });
    expect(create(writtenPool("new", { addresses: ["192.0.2.0/24", "2001:db8:1::/64"] }))).toEqual(
      [],
    );
  });

  test.each([
    ["192.0.2.9-2001:db8::1", "mixes IPv4 and IPv6"],
    ["192.0.2.10-192.0.2.9", "ends before it starts"],
    ["192.0.2.010-192.0.2.20", "write 192.0.2.10"],
    ["192.0.2.7", "write 192.0.2.7/32"],
  ])("with the entry %s is refused: it %s", (entry, words) => {
    expect(create(writtenPool("new", { addresses: ["198.51.100.0/24", entry] }))).toEqual([
      { severity: "refuse", field: "spec.addresses[1]", message: expect.stringContaining(words) },
    ]);
  });

  test("with more than 1,024 entries is refused", () => {
    const addresses = Array.from({ length: 1_025 }, (_, i) => `10.0.${i >> 8}.${i & 255}/32`);
    expect(create(writtenPool("new", { addresses }))).toMatchObject([
      { severity: "refuse", field: "spec.addresses" },
    ]);
  });

  test("with host bits is let in, and its author is told how it is read", () => {
    expect(create(writtenPool("new", { addresses: ["192.0.2.77/24"] }))).toEqual([
      {
        severity: "warn",
        field: "spec.addresses[0]",
        message: '"192.0.2.77/24" has host bits set; it is read as 192.0.2.0/24',
      },
    ]);
  });

  test("that has addresses of others is refused, with the addresses and each of the others", () => {
    world.addPool("a", { addresses: ["192.0.2.16/28"] });
    world.addPool("b", { addresses: ["198.51.100.0/24", "192.0.2.250-192.0.2.255"] });
    const found = create(
      writtenPool("new", { addresses: ["203.0.113.0/24", "192.0.2.20-192.0.2.252"] }),
    );
    expect(found).toEqual([
      {
        severity: "refuse",
        field: "spec.addresses[1]",
        message: expect.stringMatching(
          /^192\.0\.2\.20-192\.0\.2\.31 is in IPAddressPool a as well/,
        ),
      },
      {
        severity: "refuse",
        field: "spec.addresses[1]",
        message: expect.stringMatching(
          /^192\.0\.2\.250-192\.0\.2\.252 is in IPAddressPool b as well/,
        ),
      },
    ]);
  });

  test("that has addresses of the cluster is let in with a warning, which names no Service", () => {
    world.addPool("old", { addresses: ["192.0.2.0/24"] });
    world.addHolder("shop/web", "192.0.2.241");
    world.dropPool("old");
    world.addNode("node-1", "192.0.2.241");
    const [found] = create(writtenPool("new", { addresses: ["192.0.2.0/24"] }));
    expect(found).toMatchObject({ severity: "warn", field: "spec.addresses" });
    expect(found?.message).toContain("192.0.2.241 is an address of node node-1");
    expect(found?.message).not.toContain("shop");
  });

  test("that has addresses twice is let in with a warning: it harms nobody", () => {
    const found = create(writtenPool("new", { addresses: ["192.0.2.0/24", "192.0.2.9/32"] }));
    expect(found).toMatchObject([{ severity: "warn", field: "spec.addresses[1]" }]);
  });

  test("for namespaces of which there is none is let in with a warning", () => {
    world.allocation.namespaces.set("shop", { team: "blue" });
    const pool = (serviceAllocation: object): WrittenPool =>
      writtenPool("new", { addresses: ["192.0.2.0/24"], serviceAllocation });
    const nobody = [{ severity: "warn", field: "spec.serviceAllocation" }];
    expect(create(pool({ namespaces: ["sohp"] }))).toMatchObject(nobody);
    expect(create(pool({ namespaceSelectors: [{ matchLabels: { team: "red" } }] }))).toMatchObject(
      nobody,
    );
    expect(create(pool({ namespaces: ["sohp", "shop"] }))).toEqual([]);
    expect(create(pool({ namespaceSelectors: [{ matchLabels: { team: "blue" } }] }))).toEqual([]);
    expect(create(pool({ priority: 7 }))).toEqual([]);
  });
});

describe("an edit of a pool", () => {
  test("is refused for a new fault, and only warned of an old one", () => {
    const before = writtenPool("p", { addresses: ["10.0.0.9-10.0.0.1"] });
    const more = writtenPool("p", { addresses: ["10.0.0.9-10.0.0.1", "10.0.0.300/24"] });
    expect(change(before, more).map(({ severity }) => severity)).toEqual(["warn", "refuse"]);
  });

  test("goes on overlapping with a warning, as when a label is changed", () => {
    world.addPool("other", { addresses: ["192.0.2.0/25"] });
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    expect(change(before, before)).toMatchObject([{ severity: "warn" }]);
    const worse = writtenPool("p", { addresses: ["192.0.2.0/24", "198.51.100.0/24"] });
    world.addPool("third", { addresses: ["198.51.100.7/32"] });
    expect(change(before, worse).map(({ severity }) => severity)).toEqual(["warn", "refuse"]);
  });

  test("may take back some of what it shares with another pool, and share no more", () => {
    world.addPool("other", { addresses: ["192.0.2.0/25"] });
    const before = world.addPool("p", { addresses: ["192.0.2.64/26"] });
    const to = (...addresses: string[]): readonly Finding[] =>
      change(before, writtenPool("p", { addresses }));
    expect(to("192.0.2.96/27")).toMatchObject([{ severity: "warn" }]);
    expect(to("192.0.2.96/27", "192.0.2.100/30")).toMatchObject([
      { severity: "warn", field: "spec.addresses[1]" },
      { severity: "warn" },
    ]);
    expect(to("192.0.2.63-192.0.2.127")).toMatchObject([{ severity: "refuse" }]);
  });

  test("may have fewer entries, though still too many", () => {
    const many = (length: number): WrittenPool =>
      writtenPool("p", { addresses: Array<string>(length).fill("192.0.2.0/24") });
    expect(change(many(2_000), many(1_500))).toMatchObject([{ severity: "warn" }]);
  });

  test("may give away what nobody holds", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    expect(change(before, writtenPool("p", { addresses: ["192.0.2.0/28"] }))).toEqual([]);
    expect(change(before, undefined)).toEqual([]);
  });

  test("that leaves out held addresses warns, with the first of them", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    for (const host of [20, 21, 22, 23, 9]) {
      world.addHolder(`shop/web-${host}`, `192.0.2.${host}`);
    }
    expect(change(before, writtenPool("p", { addresses: ["192.0.2.0/28"] }))).toEqual([
      {
        severity: "warn",
        field: undefined,
        message: expect.stringMatching(
          /^192\.0\.2\.20, 192\.0\.2\.21, 192\.0\.2\.22, and 1 more, which Services hold, would be in no pool any more: at once/,
        ),
      },
    ]);
  });

  test("may leave out what only cools down", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    world.addHolder("shop/web", "192.0.2.20");
    world.allocation.putService("shop/web", undefined);
    world.allocation.settle("shop/web");
    expect(world.allocation.ledger.get(ip("192.0.2.20"))?.state).toBe("Cooling");
    expect(change(before, writtenPool("p", { addresses: ["192.0.2.0/28"] }))).toEqual([]);
  });

  test("that moves held addresses to another pool passes", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    world.addHolder("shop/web", "192.0.2.20");
    world.addPool("q", { addresses: ["192.0.2.16/28"] });
    expect(change(before, writtenPool("p", { addresses: ["192.0.2.0/28"] }))).toEqual([]);
  });

  test("that avoids .0 and .255 warns of who has such an address", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    world.addHolder("shop/web", "192.0.2.0");
    const after = writtenPool("p", { addresses: ["192.0.2.0/24"], avoidBuggyIPs: true });
    expect(change(before, after)).toMatchObject([{ severity: "warn" }]);
  });

  test("that shuts holders out warns, and names none of them", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    world.allocation.namespaces.set("bank", {});
    world.addHolder("shop/web", "192.0.2.20");
    world.addHolder("bank/vault", "192.0.2.21");
    const serviceAllocation = { namespaces: ["bank"] };
    const found = change(
      before,
      writtenPool("p", { addresses: ["192.0.2.0/24"], serviceAllocation }),
    );
    expect(found).toMatchObject([
      { severity: "warn", message: expect.stringContaining("does not admit") },
    ]);
    expect(found[0]?.message).toMatch(/^192\.0\.2\.20 would/);
    expect(found[0]?.message).toContain(": at once their Services lose them");
    expect(found[0]?.message).not.toContain("shop");
  });
});

describe("the deletion of a pool", () => {
  test("that is in use warns, and is refused where a policy wants that", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    world.addPool("other", { addresses: ["198.51.100.0/24"] });
    world.addHolder("shop/web", "192.0.2.20");
    expect(change(before, undefined)).toMatchObject([
      {
        severity: "warn",
        message: expect.stringMatching(
          /^192\.0\.2\.20, which Services hold, .*: after five seconds/,
        ),
      },
    ]);
    world.addPolicy("strict", { refusedAtAdmission: ["PoolInUse"] });
    expect(change(before, undefined)).toMatchObject([{ severity: "refuse" }]);
  });

  test("that is the last one warns that nothing will be given out", () => {
    const before = world.addPool("p", { addresses: ["192.0.2.0/24"] });
    world.addHolder("shop/web", "192.0.2.20");
    expect(change(before, undefined)).toMatchObject([
      { severity: "warn", message: expect.stringContaining("last IPAddressPool") },
    ]);
  });

  test("of one that could never be read passes", () => {
    expect(change(writtenPool("p", { addresses: ["nonsense"] }), undefined)).toEqual([]);
  });
});
