import { expect, test } from "vitest";
import { userAnnotation } from "../../src/kube/annotations.ts";

const current = "metallb.io/address-pool";
const former = "metallb.universe.tf/address-pool";

test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
  ["none", {}, undefined],
  ["the current prefix", { [current]: "a" }, current],
  ["the former prefix", { [former]: "b" }, former],
  ["both: the current one wins", { [former]: "b", [current]: "a" }, current],
  [
    "the current one empty: as absent, and the former one is not looked at",
    { [former]: "b", [current]: "" },
    undefined,
  ],
])("a user's annotation under %s", (_, annotations, name) => {
  expect(userAnnotation(annotations, "address-pool")).toEqual(
    name === undefined ? undefined : { name, value: annotations[name] },
  );
});
