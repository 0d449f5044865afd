import { describe, test } from "vitest";
import { invariants } from "./invariants.ts";

describe("whatever happens to pools, Services and networks", () => {
  test("A1: two Services hold one address only with equal sharing keys and disjoint ports", () => {
    invariants.A1();
  });

  test("A2: every held address is in a pool that admits the Service", () => {
    invariants.A2();
  });

  test("A3: deciding twice changes nothing", () => {
    invariants.A3();
  });

  test("A4: the order of inputs changes nothing", () => {
    invariants.A4();
  });

  test("A5: removing a Service never moves another's address", () => {
    invariants.A5();
  });
});
