import { describe, expect, test } from "vitest";
import {
  findJoinConflict,
  findStayConflict,
  holdersMax,
  reasonNotToShare,
} from "../../../src/core/allocation/sharing.ts";
import type { SharingScope } from "../../../src/core/model/address-policy.ts";
import type { Holder } from "../../../src/core/model/ip-allocation.ts";

/** `a/web TCP/80 dns app=web`: key, ports, sharing key, backend. `-`: no sharing key. */
function holder(text: string): Holder {
  const [key = "", ports = "", sharingKey = "-", backend = ""] = text.split(" ");
  const [namespace = "", name = ""] = key.split("/");
  return {
    namespace,
    name,
    uid: key,
    ports: ports.split(",").map((port) => {
      const [protocol = "", number = ""] = port.split("/");
      return { protocol, port: Number(number) };
    }),
    ...(sharingKey === "-" ? {} : { sharing: { key: sharingKey, backend } }),
  };
}

describe("two Services can have one address", () => {
  test.each<[string, string, string]>([
    ["with the same key and other ports", "a/one TCP/80 dns", "a/two TCP/443 dns"],
    ["with the same port of another protocol", "a/one TCP/53 dns", "a/two UDP/53 dns"],
    ["in two namespaces", "a/one TCP/80 dns", "b/two TCP/443 dns"],
    ["with Local and the same selector", "a/one TCP/80 dns app=x", "a/two TCP/443 dns app=x"],
  ])("%s", (_, one, two) => {
    expect(reasonNotToShare(holder(one), holder(two))).toBeUndefined();
    expect(reasonNotToShare(holder(two), holder(one))).toBeUndefined();
  });
});

describe("two Services cannot have one address", () => {
  test.each<[string, string, string, string]>([
    ["without a key", "a/one TCP/80", "a/two TCP/443", ""],
    ["when only the holder has a key", "a/one TCP/80", "a/two TCP/443 dns", ""],
    [
      "when only the one asking has a key",
      "a/one TCP/80 dns",
      "a/two TCP/443",
      ", which does not have the same metallb.io/allow-shared-ip",
    ],
    [
      "with other keys",
      "a/one TCP/80 dns",
      "a/two TCP/443 web",
      ", which does not have the same metallb.io/allow-shared-ip",
    ],
    [
      "with a port in common",
      "a/one TCP/80,TCP/443 dns",
      "a/two UDP/80,TCP/443 dns",
      ", and port TCP/443 is in use there",
    ],
    [
      "with Local and Cluster",
      "a/one TCP/80 dns app=x",
      "a/two TCP/443 dns",
      "externalTrafficPolicy",
    ],
    [
      "with Local and other selectors",
      "a/one TCP/80 dns app=x",
      "a/two TCP/443 dns app=y",
      "externalTrafficPolicy",
    ],
    [
      "with Local in two namespaces, where the same selector selects other Pods",
      "a/one TCP/80 dns app=x",
      "b/two TCP/443 dns app=x",
      "externalTrafficPolicy",
    ],
    [
      "because texts joined would be the same: key and backend are two fields",
      "a/one TCP/80 ab c",
      "a/two TCP/443 a bc",
      ", which does not have the same metallb.io/allow-shared-ip",
    ],
  ])("%s", (_, one, two, why) => {
    expect(reasonNotToShare(holder(one), holder(two))).toContain(why);
    expect(reasonNotToShare(holder(two), holder(one))).toBeDefined();
  });

  test.each<[SharingScope, string, boolean]>([
    ["Cluster", "b/two TCP/443 dns", true],
    ["Namespace", "a/two TCP/443 dns", true],
    ["Namespace", "b/two TCP/443 dns", false],
    ["None", "a/two TCP/443 dns", false],
  ])("beyond the scope of the pool: %s, %s", (scope, two, may) => {
    const why = reasonNotToShare(holder("a/one TCP/80 dns"), holder(two), scope);
    expect(why === undefined).toBe(may);
  });
});

describe("who wants to join", () => {
  const holders = ["a/one TCP/80 dns", "b/two TCP/443 dns"].map(holder);

  test("must suit all holders, and learns of the first that it does not", () => {
    const join = (text: string): string | undefined =>
      findJoinConflict(holder(text), { holders }, "Cluster")?.holder.name;
    expect(join("c/three UDP/53 dns")).toBeUndefined();
    expect(join("c/three TCP/443 dns")).toBe("two");
    expect(join("c/three TCP/80,TCP/443 dns")).toBe("one");
  });

  test("has no trouble with itself, under an older uid say", () => {
    const again = { ...holder("a/one TCP/80,TCP/81 dns"), uid: "new" };
    expect(findJoinConflict(again, { holders }, "Cluster")).toBeUndefined();
  });

  test("finds a place only among as many as an IPAllocation can hold", () => {
    const crowd = Array.from({ length: holdersMax }, (_, n) => holder(`a/s${n} TCP/${n + 1} dns`));
    const last = holder("b/last UDP/53 dns");
    expect(findJoinConflict(last, { holders: crowd.slice(1) }, "Cluster")).toBeUndefined();
    expect(findJoinConflict(last, { holders: crowd }, "Cluster")?.why).toContain("256");
  });
});

describe("who holds an address with others", () => {
  const holders = ["a/one TCP/80 dns", "b/two TCP/443 dns", "c/three UDP/53 dns"].map(holder);
  const stay = (text: string, among = holders): string | undefined =>
    findStayConflict(holder(text), { holders: among })?.holder.name;

  test.each<[string, string]>([
    ["as it is", "b/two TCP/443 dns"],
    ["with another port that is free there", "b/two TCP/444 dns"],
  ])("stays %s", (_, text) => {
    expect(stay(text)).toBeUndefined();
  });

  test.each<[string, string, string]>([
    ["a port that one who came before has", "b/two TCP/80 dns", "one"],
    ["a port that one who came later has", "b/two UDP/53 dns", "three"],
    ["another key", "b/two TCP/443 web", "one"],
    ["no key", "b/two TCP/443", "one"],
    ["another backend", "b/two TCP/443 dns app=x", "one"],
  ])("gives way when it has now %s", (_, text, other) => {
    expect(stay(text)).toBe(other);
  });

  test("may have any key, port and backend when it is alone", () => {
    const alone = holders.slice(1, 2);
    for (const text of ["b/two TCP/80 dns", "b/two TCP/443 web app=x", "b/two TCP/443"]) {
      expect(stay(text, alone)).toBeUndefined();
    }
  });

  test("stays, unchanged, though another came that does not suit: who came later gives way", () => {
    const unfit = [...holders.slice(0, 2), holder("a/late TCP/443 web")];
    expect(stay("a/one TCP/80 dns", unfit)).toBeUndefined();
    expect(stay("b/two TCP/443 dns", unfit)).toBeUndefined();
    expect(stay("a/late TCP/443 web", unfit)).toBe("one");
  });
});
