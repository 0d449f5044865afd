import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeStale, LeaderWrites } from "./e2e/leader-writes.ts";

/** A line of the audit log; `at` is its minute, in which it came in at second 1 and was answered at second 2. */
function line(at: number, pod: string, verb: string, ref: object, code = 200): string {
  const minute = `2026-01-01T00:${String(at).padStart(2, "0")}`;
  return `${JSON.stringify({
    stage: "ResponseComplete",
    verb,
    requestURI: "/",
    user: {
      username: "system:serviceaccount:steelyard-system:steelyard-controller",
      extra: { "authentication.kubernetes.io/pod-name": [pod] },
    },
    objectRef: ref,
    responseStatus: { code },
    requestReceivedTimestamp: `${minute}:01.000000Z`,
    stageTimestamp: `${minute}:02.500000Z`,
  })}\n`;
}

test("a write after the Lease has gone to another one is told with all that is known of it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "steelyard-audit-"));
  const file = join(directory, "audit.log");
  const lease = {
    resource: "leases",
    namespace: "steelyard-system",
    name: "steelyard-controller",
  };
  const status = { resource: "services", subresource: "status", namespace: "a", name: "web" };
  await writeFile(
    file,
    [
      line(1, "one", "update", lease),
      line(2, "one", "patch", status),
      line(3, "two", "update", lease),
      line(4, "two", "update", lease),
      line(5, "one", "patch", status, 403),
      line(6, "one", "patch", status),
      line(7, "two", "delete", { resource: "ipallocations", name: "192.0.2.4" }),
    ].join(""),
  );
  const stale = await new LeaderWrites(file).readStale();
  await rm(directory, { recursive: true });
  expect(stale.map(describeStale)).toEqual([
    "stale: patch services/status a web by one, received 2026-01-01T00:06:01.000Z, done 2026-01-01T00:06:02.500Z; " +
      "leader: update leases steelyard-system steelyard-controller by two, " +
      "received 2026-01-01T00:03:01.000Z, done 2026-01-01T00:03:02.500Z",
  ]);
});
