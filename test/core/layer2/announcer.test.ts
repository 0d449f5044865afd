import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AnnouncerInput, brokenFor } from "../../../src/core/layer2/announcer.ts";
import type { IpFamily } from "../../../src/core/net/ip-address.ts";
import { parseMacAddress } from "../../../src/core/net/mac-address.ts";
import type { NetworkInterface } from "../../../src/core/net/network-interface.ts";
import { ip } from "../net/arbitraries.ts";
import { Announcer, announcerOn } from "./announcing-node.ts";
import { nic } from "./interfaces.ts";

const lan = nic("eth0", ["192.0.2.241/24"]);
const both = (name: string, address = "192.0.2.4"): readonly string[] => [
  `answer ${address} on ${name}`,
  `announce ${address} on ${name}`,
];

describe("an address that is ours", () => {
  test("is answered, then announced", () => {
    expect(announcerOn(lan).assign("192.0.2.4")).toEqual(both("eth0"));
  });

  test("and assigned again changes nothing", () => {
    const announcer = announcerOn(lan);
    announcer.assign("192.0.2.4");
    expect(announcer.assign("192.0.2.4")).toEqual([]);
    expect(announcer.link([{ ...lan }])).toEqual([]);
  });

  test("is withdrawn when it is ours no longer, once", () => {
    const announcer = announcerOn(lan);
    announcer.assign("192.0.2.4");
    expect(announcer.unassign("192.0.2.4")).toEqual(["withdraw 192.0.2.4 on eth0"]);
    expect(announcer.unassign("192.0.2.4")).toEqual([]);
  });

  test("and was assigned before interfaces are known is announced when they are", () => {
    const announcer = new Announcer();
    expect(announcer.assign("192.0.2.4")).toEqual([]);
    expect(announcer.failure("192.0.2.4")).toBe("NoUsableInterface");
    expect(announcer.link([lan])).toEqual(both("eth0"));
    expect(announcer.failure("192.0.2.4")).toBeUndefined();
  });
});

describe("interfaces", () => {
  const other = nic("eth1", ["198.51.100.1/24"]);
  const bare = nic("eth2");
  test.each<[string, readonly NetworkInterface[], readonly string[], readonly string[]]>([
    ["the one whose subnet holds the address", [other, lan, bare], [], ["eth0"]],
    ["one, when two are in its subnet", [nic("eth1", ["192.0.2.9/24"]), lan], [], ["eth0"]],
    ["all fit ones, when no subnet holds it", [other, bare], [], ["eth1", "eth2"]],
    ["exactly those named, subnet or not", [lan, other, bare], ["eth1", "eth2"], ["eth1", "eth2"]],
    ["those named that are there", [lan, other], ["eth1", "eth9"], ["eth1"]],
    ["none that is down", [{ ...bare, up: false }, other], [], ["eth1"]],
    ["no port of a bridge", [{ ...lan, master: 9 }, nic("br0", ["192.0.2.241/24"])], [], ["br0"]],
    [
      "no loopback",
      [nic("lo", ["192.0.2.4/24"], { loopback: true, mac: undefined }), bare],
      [],
      ["eth2"],
    ],
  ])("chosen: %s", (_, interfaces, named, chosen) => {
    const announcer = new Announcer();
    announcer.link(interfaces);
    announcer.assign("192.0.2.7", ...named);
    expect([...announcer.answered]).toEqual(chosen.map((name) => `192.0.2.7 on ${name}`));
  });

  test("named and not there are a failure, and no reason to use others", () => {
    const announcer = announcerOn(lan);
    expect(announcer.assign("192.0.2.4", "eth7")).toEqual([]);
    expect(announcer.failure("192.0.2.4")).toBe("InterfaceMissing");
  });

  test("named differently move the address", () => {
    const announcer = announcerOn(lan, other);
    announcer.assign("192.0.2.4", "eth0");
    expect(announcer.assign("192.0.2.4", "eth1")).toEqual([
      "withdraw 192.0.2.4 on eth0",
      ...both("eth1"),
    ]);
  });
});

describe("the link", () => {
  test("lost withdraws; back again announces again", () => {
    const announcer = announcerOn(lan);
    announcer.assign("192.0.2.4");
    expect(announcer.link([{ ...lan, carrier: false }])).toEqual(["withdraw 192.0.2.4 on eth0"]);
    expect(announcer.failure("192.0.2.4")).toBe("NoUsableInterface");
    expect(announcer.link([lan])).toEqual(both("eth0"));
  });

  test.each<[string, Partial<NetworkInterface>]>([
    ["another hardware address", { mac: parseMacAddress("02:00:00:00:00:99") }],
    ["another index: it was made anew", { index: 77 }],
    ["its carrier back before anybody looked, or a bond that failed over", { renewals: 2 }],
  ])("with %s answers and announces again", (_, change) => {
    const announcer = announcerOn(lan);
    announcer.assign("192.0.2.4");
    expect(announcer.link([{ ...lan, ...change }])).toEqual(both("eth0"));
  });

  test("lost on the address's own segment makes it no guest on another", () => {
    const announcer = announcerOn(lan, nic("eth1", ["198.51.100.1/24"]));
    announcer.assign("192.0.2.4");
    const withdrawn = ["withdraw 192.0.2.4 on eth0"];
    expect(announcer.link([{ ...lan, up: false }, nic("eth1", ["198.51.100.1/24"])])).toEqual(
      withdrawn,
    );
    expect(announcer.state.failures.get(ip("192.0.2.4"))).toMatchObject({
      reason: "NoUsableInterface",
      message: "eth0 is down",
    });
  });

  test("lost moves the address to the second interface in its subnet, and back", () => {
    const second = nic("eth1", ["192.0.2.9/24"]);
    const announcer = announcerOn(lan, second);
    announcer.assign("192.0.2.4");
    const lost = announcer.link([{ ...lan, carrier: false }, second]);
    expect(lost).toEqual(["withdraw 192.0.2.4 on eth0", ...both("eth1")]);
    expect(announcer.link([lan, second])).toEqual(["withdraw 192.0.2.4 on eth1", ...both("eth0")]);
  });

  test("of another interface does not matter", () => {
    const announcer = announcerOn(lan, nic("eth1"));
    announcer.assign("192.0.2.4");
    expect(announcer.link([lan, nic("eth1", [], { carrier: false })])).toEqual([]);
    expect(announcer.link([lan])).toEqual([]);
  });

  test("that gets the subnet of an address takes it from the others", () => {
    const announcer = announcerOn(nic("eth0"), nic("eth1"));
    announcer.assign("192.0.2.4");
    const moved = announcer.link([nic("eth0", ["192.0.2.241/24"]), nic("eth1")]);
    expect(moved).toEqual(["withdraw 192.0.2.4 on eth1"]);
  });
});

describe("a bridge", () => {
  const bridge = nic("br0", ["192.0.2.241/24"], { index: 9, kind: "bridge" });
  const port = (name: string, change: Partial<NetworkInterface>): NetworkInterface =>
    nic(name, [], { master: 9, ...change });

  test("whose wire was pulled and plugged announces again", () => {
    const announcer = announcerOn(bridge, port("eth0", {}));
    announcer.assign("192.0.2.4");
    expect(announcer.link([bridge, port("eth0", { renewals: 2 })])).toEqual(both("br0"));
  });

  test.each(["veth", "tun"])("says nothing for a guest on a %s that starts", (kind) => {
    const announcer = announcerOn(bridge, port("vnet0", { kind }));
    announcer.assign("192.0.2.4");
    expect(announcer.link([bridge, port("vnet0", { kind, renewals: 2 })])).toEqual([]);
  });
});

describe("refused, whoever asks", () => {
  test.each([
    ["the node's own address", "192.0.2.241"],
    ["its gateway's", "192.0.2.254"],
    ["loopback", "127.0.0.1"],
    ["link-local", "169.254.1.1"],
    ["multicast", "224.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["IPv6 link-local", "fe80::1"],
  ])("%s: %s", (_, address) => {
    const announcer = new Announcer();
    announcer.link([lan], "192.0.2.254");
    expect(announcer.assign(address, "eth0")).toEqual([]);
    expect(announcer.failure(address)).toBe("AnnouncementRefused");
    announcer.unassign(address);
    expect(announcer.failure(address)).toBeUndefined();
  });

  test("an address that becomes the node's own is withdrawn", () => {
    const announcer = announcerOn(lan);
    announcer.assign("192.0.2.4");
    const now = announcer.link([nic("eth0", ["192.0.2.241/24", "192.0.2.4/32"])]);
    expect(now).toEqual(["withdraw 192.0.2.4 on eth0"]);
    expect(announcer.failure("192.0.2.4")).toBe("AnnouncementRefused");
  });

  test("an address that kube-proxy holds in IPVS mode is not the node's own", () => {
    const ipvs = nic("kube-ipvs0", ["192.0.2.4/32"], { up: false, noArp: true });
    expect(announcerOn(lan, ipvs).assign("192.0.2.4")).toEqual(both("eth0"));
  });

  test("an IPv6 address is announced by the same rules", () => {
    const announcer = announcerOn(lan, nic("eth1", ["fe80::1/64", "2001:db8::1/64"]));
    expect(announcer.assign("2001:db8::4")).toEqual(both("eth1", "2001:db8::4"));
    announcer.assign("2001:db8::1");
    announcer.assign("fe80::4");
    expect(["2001:db8::1", "fe80::4"].map((it) => announcer.failure(it))).toEqual([
      "AnnouncementRefused",
      "AnnouncementRefused",
    ]);
  });
});

describe("a standby", () => {
  test("watches where it would answer, silently, and answers there when its turn comes", () => {
    const announcer = announcerOn(lan, nic("eth1", ["198.51.100.1/24"]));
    expect(announcer.standBy("192.0.2.4")).toEqual(["watch 192.0.2.4 on eth0"]);
    expect(announcer.standBy("192.0.2.4")).toEqual([]);
    expect(announcer.assign("192.0.2.4")).toEqual(both("eth0"));
    expect(announcer.standBy("192.0.2.4")).toEqual([
      "withdraw 192.0.2.4 on eth0",
      "watch 192.0.2.4 on eth0",
    ]);
    expect(announcer.unassign("192.0.2.4")).toEqual(["unwatch 192.0.2.4 on eth0"]);
  });

  test("follows its interfaces, and fails at nothing", () => {
    const announcer = announcerOn(lan);
    expect(announcer.standBy("192.0.2.4", "eth9")).toEqual([]);
    expect(announcer.failure("192.0.2.4")).toBeUndefined();
    expect(announcer.link([lan, nic("eth9", [])])).toEqual(["watch 192.0.2.4 on eth9"]);
    expect(announcer.link([lan])).toEqual(["unwatch 192.0.2.4 on eth9"]);
    expect(announcer.standBy("192.0.2.241")).toEqual([]);
  });
});

describe("a kernel that refuses", () => {
  const refused = (
    name: string,
    error: string | undefined,
    family: IpFamily = 4,
  ): AnnouncerInput => ({
    kind: "socket",
    interface: name,
    family,
    error,
  });

  test("is told as a failure while no interface is left, and the link goes on trying", () => {
    const announcer = announcerOn(lan, nic("eth1", ["198.51.100.1/24"]));
    announcer.assign("192.0.2.4", "eth0", "eth1");
    expect(announcer.take(refused("eth0", "not permitted"))).toEqual([]);
    expect(announcer.failure("192.0.2.4")).toBeUndefined();
    expect(announcer.take(refused("eth1", "no such device"))).toEqual([]);
    expect(announcer.state.failures.get(ip("192.0.2.4"))).toMatchObject({
      reason: "LinkFailed",
      message: "eth0: not permitted; eth1: no such device",
    });
    announcer.take(refused("eth1", undefined));
    expect(announcer.failure("192.0.2.4")).toBeUndefined();
    expect(announcer.answered.size).toBe(2);
  });

  test("is so for one family only", () => {
    const announcer = announcerOn(nic("eth0", ["192.0.2.241/24", "2001:db8::1/64"]));
    announcer.assign("192.0.2.4");
    announcer.assign("2001:db8::4");
    announcer.take(refused("eth0", "no IPv6 here", 6));
    expect(announcer.failure("192.0.2.4")).toBeUndefined();
    expect(announcer.failure("2001:db8::4")).toBe("LinkFailed");
  });

  test("has the addresses of that family announced anew when it lets them be answered at last", () => {
    const announcer = announcerOn(nic("eth0", ["192.0.2.241/24", "2001:db8::1/64"]));
    announcer.take(refused("eth0", "no buffer space"));
    announcer.assign("192.0.2.4");
    announcer.assign("2001:db8::4");
    expect(announcer.take(refused("eth0", undefined))).toEqual(both("eth0"));
    expect(announcer.take(refused("eth0", undefined))).toEqual([]);
  });

  test("is forgotten with the interface, whichever is told first", () => {
    const announcer = announcerOn(lan);
    announcer.take(refused("eth0", "no such device"));
    announcer.link([]);
    announcer.link([lan]);
    expect([...announcer.state.brokenInterfaces]).toEqual([]);
    announcer.link([{ ...lan, up: false }]);
    announcer.take(refused("eth0", "no such device"));
    announcer.link([lan]);
    expect([...announcer.state.brokenInterfaces]).toEqual([]);
    announcer.take(refused("", "netlink failed"));
    announcer.link([lan]);
    expect([...announcer.state.brokenInterfaces.keys()]).toEqual([""]);
  });

  test("is remembered for addresses that come later", () => {
    const announcer = announcerOn(lan);
    announcer.take(refused("eth0", "not permitted"));
    announcer.assign("192.0.2.4");
    expect(announcer.failure("192.0.2.4")).toBe("LinkFailed");
  });
});

describe("after any sequence of changes", () => {
  const addresses = ["192.0.2.4", "192.0.2.241", "198.51.100.7", "2001:db8::4", "127.0.0.1"];
  const address = fc.constantFrom(...addresses).map(ip);
  const interfaces = fc.uniqueArray(
    fc
      .tuple(
        fc.constantFrom("eth0", "eth1", "eth2"),
        fc.subarray(["192.0.2.241/24", "198.51.100.1/24"]),
        fc.boolean(),
      )
      .map(([name, prefixes, carrier]) => nic(name, prefixes, { carrier })),
    { selector: ({ name }) => name },
  );
  const input: fc.Arbitrary<AnnouncerInput> = fc.oneof(
    fc
      .tuple(address, fc.subarray(["eth0", "eth1", "eth9"]))
      .map(([it, named]) => ({ kind: "assign" as const, address: it, interfaces: named })),
    fc
      .tuple(address, fc.subarray(["eth0", "eth1", "eth9"]))
      .map(([it, named]) => ({ kind: "standby" as const, address: it, interfaces: named })),
    address.map((it) => ({ kind: "unassign" as const, address: it })),
    interfaces.map((it) => ({ kind: "link" as const, interfaces: it, defaultGateways: [] })),
    fc
      .tuple(
        fc.constantFrom("eth0", "eth1"),
        fc.constantFrom<IpFamily[]>(4, 6),
        fc.constantFrom("not permitted", undefined),
      )
      .map(([name, family, error]) => ({
        kind: "socket" as const,
        interface: name,
        family,
        error,
      })),
  );
  const history = fc.array(input, { maxLength: 40 });

  /** An announcer that learns in one go what the other one knows. */
  function freshCopyOf({ state }: Announcer): Announcer {
    const fresh = new Announcer();
    const { interfaces: now, defaultGateways } = state;
    fresh.take({ kind: "link", interfaces: now, defaultGateways });
    for (const family of [4, 6] as const) {
      for (const [name, error] of brokenFor(state, family)) {
        fresh.take({ kind: "socket", interface: name, family, error });
      }
    }
    for (const kind of ["assign", "standby"] as const) {
      for (const [it, named] of kind === "assign" ? state.assigned : state.standby) {
        fresh.take({ kind, address: it, interfaces: named });
      }
    }
    return fresh;
  }

  test("the link answers and watches what a fresh announcer would have it answer and watch", () => {
    fc.assert(
      fc.property(history, (inputs) => {
        const announcer = new Announcer();
        for (const it of inputs) {
          announcer.take(it);
        }
        const fresh = freshCopyOf(announcer);
        const { answering, failures } = announcer.state;
        expect([...announcer.answered].sort()).toEqual([...fresh.answered].sort());
        expect([...announcer.watched].sort()).toEqual([...fresh.watched].sort());
        expect(new Map(failures)).toEqual(fresh.state.failures);
        const told = [...answering].flatMap(([it, names]) =>
          names.map((name) => `${it} on ${name}`),
        );
        expect(told.sort()).toEqual([...announcer.answered].sort());
      }),
    );
  });

  test("each address of ours is answered or a failure, or both where the kernel refuses", () => {
    fc.assert(
      fc.property(history, (inputs) => {
        const announcer = new Announcer();
        for (const it of inputs) {
          announcer.take(it);
          const { assigned, answering, failures } = announcer.state;
          const silent = [...failures].filter(([, { reason }]) => reason !== "LinkFailed");
          const known = [...answering.keys(), ...silent.map(([it]) => it)].sort();
          expect(known).toEqual([...assigned.keys()].sort());
        }
      }),
    );
  });
});
