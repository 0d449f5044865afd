import { expect, test } from "vitest";
import { BundleWriter, SupersededError } from "../../src/controller/bundle-writer.ts";
import { LeaderTerm } from "../../src/controller/leader-term.ts";
import { isConflict } from "../../src/kube/api-error.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { KnownCluster } from "./known-cluster.ts";

const planned = { owner: { node: "n1", interfaces: [] }, standbys: [] };
const moved = { owner: { node: "n2", interfaces: [] }, standbys: [], takeover: true };

function writerOf({ stores, writer, clock }: KnownCluster): BundleWriter {
  const term = new LeaderTerm(stores, 0);
  return new BundleWriter({ stores, writer, clock, log: silentLog, term });
}

/** A cluster with one bundle, and its name. */
async function withBundle(): Promise<[KnownCluster, BundleWriter, string]> {
  const cluster = new KnownCluster();
  const bundles = writerOf(cluster);
  await bundles.create({ advertisements: ["all"] }, planned);
  return [cluster, bundles, cluster.api.list("l2bundles")[0]?.metadata.name ?? ""];
}

function versionOf({ api }: KnownCluster, name: string): readonly [number, number] {
  const { term, sequence } = api.get("l2bundles", name)?.spec ?? {};
  return [term, sequence];
}

test("every change of a bundle raises its version", async () => {
  const [cluster, bundles, name] = await withBundle();
  expect(versionOf(cluster, name)).toEqual([1, 0]);
  await bundles.update({ name, ...moved });
  expect(versionOf(cluster, name)).toEqual([1, 1]);
  await writerOf(cluster).update({ name, ...planned, takeover: true });
  expect(versionOf(cluster, name)).toEqual([2, 0]);
});

test("a leader that sees a later term writes nothing", async () => {
  const [cluster, bundles, name] = await withBundle();
  await writerOf(cluster).update({ name, ...moved });
  await expect(bundles.update({ name, ...moved })).rejects.toThrow(SupersededError);
  expect(versionOf(cluster, name)).toEqual([2, 0]);
});

test("a bundle that another changed is neither deleted nor forgotten", async () => {
  const [cluster, bundles, name] = await withBundle();
  cluster.api.edit("another", "l2bundles", name, ({ spec }) => ({ spec: { ...spec, term: 2 } }));
  await expect(bundles.remove(name)).rejects.toSatisfy(isConflict);
  cluster.see();
  expect(cluster.api.get("l2bundles", name)).toBeDefined();
  expect(cluster.stores.bundles.get(name)?.bundle.version.term).toBe(2);
});

test("a bundle that is gone already counts as deleted", async () => {
  const [cluster, bundles, name] = await withBundle();
  cluster.api.remove("admin", "l2bundles", name);
  await bundles.remove(name);
  expect(cluster.stores.bundles.get(name)).toBeUndefined();
});

test("no name comes again, not even that of a bundle that was deleted", async () => {
  const [cluster, bundles, name] = await withBundle();
  await bundles.remove(name);
  await bundles.create({ advertisements: ["all"] }, planned);
  expect(cluster.api.list("l2bundles").map(({ metadata }) => metadata.name)).not.toContain(name);
});

test("a bundle tells from whom it came to its owner, when and why, until it goes to another one", async () => {
  const [cluster, bundles, name] = await withBundle();
  const spec = (): { moved?: object } => cluster.api.get("l2bundles", name)?.spec;
  expect(spec().moved).toBeUndefined();
  await bundles.update({ name, ...moved }, "SpeakerSilent");
  const first = { from: "n1", reason: "SpeakerSilent", at: "2026-01-01T00:00:00.000Z" };
  expect(spec().moved).toEqual(first);
  await cluster.clock.advance(1_000);
  const standbys = [{ node: "n3", interfaces: [] }];
  await bundles.update({ name, owner: moved.owner, standbys, takeover: false });
  expect(spec().moved).toEqual(first);
  await bundles.update({ name, ...planned, takeover: true });
  expect(spec().moved).toEqual({
    ...{ from: "n2", reason: "NodeNotSelected", at: "2026-01-01T00:00:01.000Z" },
  });
});

test("a bundle that only some nodes may announce says so", async () => {
  const cluster = new KnownCluster();
  await writerOf(cluster).create({ advertisements: ["all"], hosts: ["n1", "n4"] }, planned);
  const [bundle] = [...cluster.stores.bundles.values()];
  expect(bundle?.bundle.hosts).toEqual(["n1", "n4"]);
});
