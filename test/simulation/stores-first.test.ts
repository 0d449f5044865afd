import { describe, expect, test } from "vitest";
import { begun, watched, writesNothingWithout } from "./stores-first.ts";

describe("A6: as long as one store has not synced nothing is written", () => {
  test.for(watched)("not with %s unknown, and everything once they are known", async (withheld) => {
    await writesNothingWithout(withheld);
  });
});

test("W8: a Service that can never be written delays nobody, at the start and later", async () => {
  const { api, schedule, replica } = begun();
  api.poisoned = "s1";
  const served = (): readonly string[] =>
    api
      .list("services")
      .filter(({ status }) => status?.loadBalancer?.ingress?.length > 0)
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  await schedule.run(60_000, () => served().length >= 2);
  expect(served()).toEqual(["a/s2", "a/s3"]);
  const spec = { ...api.get("services", "a/s2")?.spec, loadBalancerIP: undefined };
  const body = { metadata: { namespace: "b", name: "late" }, spec };
  api.handle({ method: "POST", path: "/api/v1/namespaces/b/services", body }, "user");
  await schedule.run(5_000, () => served().length >= 3);
  expect(served()).toEqual(["a/s2", "a/s3", "b/late"]);
  replica.dispose();
});
