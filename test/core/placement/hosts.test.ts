import { describe, expect, test } from "vitest";
import {
  type EndpointNodes,
  hostsOf,
  isWithoutEndpoints,
} from "../../../src/core/placement/hosts.ts";

function on(ready: string, serving = ""): EndpointNodes {
  const names = (text: string): ReadonlySet<string> => new Set(text === "" ? [] : text.split(" "));
  return { ready: names(ready), serving: names(serving) };
}

describe("the nodes that serve an address by Pods of their own", () => {
  test.each<[string, string | undefined, readonly EndpointNodes[]]>([
    ["are those with ready Pods", "a b", [on("a b")]],
    ["are not those with Pods that are about to end, while others are ready", "a", [on("a", "b")]],
    ["are those with Pods that are about to end, if no others are left", "b", [on("", "b")]],
    ["are not known where there are no Pods", undefined, [on("")]],
    ["are not known where no Service asks", undefined, []],
    ["are those that serve all Services on it", "b", [on("a b"), on("b c")]],
    ["are those that serve some, if none serves all", "a c", [on("a"), on("c")]],
    ["do not hang on a Service without Pods", "a", [on("a"), on("")]],
  ])("%s: %s", (_, expected, services) => {
    const hosts = hostsOf(services);
    expect(hosts && [...hosts].sort().join(" ")).toBe(expected);
  });
});

test("there are no endpoints where no Service has any, ready or serving", () => {
  expect(isWithoutEndpoints([on(""), on("")])).toBe(true);
  expect(isWithoutEndpoints([on(""), on("", "a")])).toBe(false);
  expect(isWithoutEndpoints([on("a")])).toBe(false);
});
