import { describe, expect, test } from "vitest";
import {
  chooseInterfaces,
  type InterfaceCandidate,
} from "../../../src/core/model/interface-choice.ts";
import { type IpPrefix, parseIpPrefix } from "../../../src/core/net/ip-prefix.ts";
import { ip } from "../net/arbitraries.ts";

function candidate(
  name: string,
  prefixes: readonly string[] = [],
  more: Partial<InterfaceCandidate> = {},
): InterfaceCandidate {
  const parsed = prefixes.map((text) => parseIpPrefix(text) as IpPrefix);
  return { name, state: "Usable", prefixes: parsed, ...more };
}

/** The names chosen, or the reason and the words why none is. */
function choice(
  interfaces: readonly InterfaceCandidate[],
  named: readonly string[] = [],
  address = "192.0.2.7",
): readonly string[] {
  const made = chooseInterfaces(interfaces, named, ip(address));
  return made.kind === "chosen" ? made.names : [`${made.reason}: ${made.message}`];
}

const lan = candidate("eth0", ["192.0.2.241/24"]);
const other = candidate("eth1", ["198.51.100.1/24"]);

describe("the subnet", () => {
  test.each<[string, readonly InterfaceCandidate[], readonly string[]]>([
    ["that holds the address decides", [other, lan], ["eth0"]],
    [
      "decides before a larger one",
      [candidate("wide", ["192.0.0.0/8"]), candidate("zlan", ["192.0.2.9/24"])],
      ["zlan"],
    ],
    [
      "that is larger does, while the smaller one is away",
      [candidate("wide", ["192.0.0.0/8"]), { ...lan, state: "NoCarrier" }],
      ["wide"],
    ],
    ["of a port does not count", [{ ...lan, state: "Port" }, candidate("br0")], ["br0"]],
    ["of an excluded one does not", [{ ...lan, state: "Excluded" }, other], ["eth1"]],
    [
      "of kube-ipvs0 does not",
      [candidate("i", ["192.0.2.7/32"], { state: "NoArp" }), other],
      ["eth1"],
    ],
  ])("%s", (_, interfaces, names) => {
    expect(choice(interfaces)).toEqual(names);
  });

  test("holds addresses of both families", () => {
    const dual = candidate("eth2", ["2001:db8::1/64"]);
    expect(choice([lan, dual], [], "2001:db8::7")).toEqual(["eth2"]);
  });

  test.each<[InterfaceCandidate["state"], string]>([
    ["Down", "NoUsableInterface: eth0 is down"],
    ["NoCarrier", "NoUsableInterface: eth0 has no carrier"],
    ["Refused", "NoUsableInterface: eth0 is refused by the kernel"],
  ])("whose interface is %s for now is no reason to use another one", (state, words) => {
    expect(choice([{ ...lan, state }, other])).toEqual([words]);
  });
});

describe("one segment has one hardware address of ours", () => {
  test("two interfaces in the address's subnet: the first by name that can", () => {
    const second = candidate("eth1", ["192.0.2.9/24"]);
    expect(choice([second, lan])).toEqual(["eth0"]);
    expect(choice([second, { ...lan, state: "NoCarrier" }])).toEqual(["eth1"]);
  });

  test("two in another subnet, where no subnet holds the address", () => {
    const twin = candidate("eth9", ["198.51.100.9/24"]);
    expect(choice([lan, twin, other], [], "203.0.113.7")).toEqual(["eth0", "eth1"]);
  });

  test("also of those that an advertisement names", () => {
    const second = candidate("eth1", ["192.0.2.9/24"]);
    expect(choice([lan, second], ["eth0", "eth1"])).toEqual(["eth0"]);
    expect(choice([lan, second], ["eth1"])).toEqual(["eth1"]);
  });

  test("a macvlan is on its parent's, and on that of the parent's others", () => {
    const parent = candidate("eth0", [], { index: 2 });
    const one = candidate("a0", [], { index: 7, lower: 2 });
    const two = candidate("a1", [], { index: 8, lower: 2 });
    expect(choice([one, two, parent])).toEqual(["eth0"]);
    expect(choice([two, one])).toEqual(["a0"]);
  });

  test("the link-local subnet, which all have, and addresses on their own say nothing", () => {
    const own = ["fe80::1/64", "169.254.1.1/16", "203.0.113.1/32"];
    expect(choice([candidate("eth0", own), candidate("eth1", own)])).toEqual(["eth0", "eth1"]);
  });
});

describe("named interfaces", () => {
  test("are used exactly, subnet or not, as far as they are there", () => {
    expect(choice([lan, other], ["eth1", "eth9"])).toEqual(["eth1"]);
  });

  test("that cannot announce are told one by one", () => {
    const interfaces = [
      lan,
      { ...other, state: "NoCarrier" } as const,
      candidate("docker0", [], { state: "Excluded" }),
    ];
    expect(choice(interfaces, ["docker0", "eth1", "eth9"])).toEqual([
      "InterfaceMissing: docker0 is on the list of interfaces that never announce, eth1 has no carrier, eth9 is not there",
    ]);
  });
});

test("without any fit interface there is none to choose", () => {
  expect(choice([{ ...candidate("eth0"), state: "Down" }])).toEqual([
    "NoUsableInterface: no interface is up, with carrier and able to ARP",
  ]);
});
