import { describe, expect, test } from "vitest";
import { deadAfterMs } from "../../src/core/liveness/speaker-liveness.ts";
import { ClusterLife } from "./cluster-life.ts";
import { Replica } from "./replica.ts";
import { Schedule } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedAdmission } from "./simulated-admission.ts";
import { SimulatedApi } from "./simulated-api.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedSpeaker } from "./simulated-speaker.ts";

/** Three nodes and two controllers, of which nothing is asked but to serve. */
async function settledCluster(seed: number) {
  const [api, schedule, random] = [
    new SimulatedApi(() => {}),
    new Schedule(),
    new SeededRandom(seed),
  ];
  const fail = (): never => {
    throw new Error("a controller ended by itself");
  };
  const admission = new SimulatedAdmission("all", api, schedule);
  const trace = (): void => {};
  const network = new SimulatedNetwork({ api, admission, schedule, random, trace, onCrash: fail });
  const events = { onEnd: fail, onError: fail };
  const replicas = ["c0", "c1"].map((name) => new Replica(name, network, events));
  const speakers = [1, 2, 3].map((n) => new SimulatedSpeaker(`n${n}`, `192.0.2.${n}`, network));
  const life = new ClusterLife({ network, replicas, speakers });
  life.begin(
    { policies: 0, pools: 0, advertisement: 0, nodes: 0, replicas: 0, handovers: 0 },
    1_000,
  );
  life.end();
  const enough = { addresses: ["192.0.2.10-192.0.2.30"], autoAssign: true };
  api.edit("admin", "ipaddresspools", "metallb-system/p1", () => ({ spec: enough }));
  await schedule.run(30_000, () => false);
  const leader = (): string =>
    String(api.get("leases", "steelyard-system/steelyard-controller")?.spec.holderIdentity);
  // Where the Pods are on one node alone, nobody can take over from it.
  const owners = (): readonly string[] =>
    api
      .list("l2bundles")
      .filter(({ spec }) => spec["hosts"]?.length !== 1)
      .map(({ spec }) => (spec["owner"] as { readonly node: string }).node);
  return { api, schedule, replicas, speakers, leader, owners };
}

describe("when the leader dies with its node", () => {
  test.for([1, 2, 3])("whoever leads next moves the addresses at once, seed %i", async (seed) => {
    const { schedule, replicas, speakers, leader, owners } = await settledCluster(seed);
    const [first, [lost = ""]] = [leader(), owners()];
    replicas.find(({ process }) => process.name === first)?.kill();
    speakers.find(({ node }) => node === lost)?.stop();
    await schedule.run(60_000, () => leader() !== first);
    expect(leader()).not.toBe(first);
    expect(owners()).toContain(lost);
    await schedule.run(deadAfterMs / 3, () => false);
    expect(owners()).not.toContain(lost);
    for (const replica of replicas) {
      replica.kill();
    }
  });

  test("a Service is served at once, though no speaker has anything new to say", async () => {
    const { api, schedule, replicas, speakers, leader } = await settledCluster(1);
    const first = leader();
    replicas.find(({ process }) => process.name === first)?.kill();
    for (const speaker of speakers) {
      speaker.stop();
    }
    const metadata = { namespace: "a", name: "late" };
    const spec = { type: "LoadBalancer", clusterIPs: ["10.96.0.8"], ipFamilyPolicy: "SingleStack" };
    const path = "/api/v1/namespaces/a/services";
    api.handle({ method: "POST", path, body: { metadata, spec } }, "user");
    await schedule.run(60_000, () => leader() !== first);
    await schedule.run(2_000, () => false);
    const ingress = api.get("services", "a/late")?.status["loadBalancer"];
    expect(ingress).toMatchObject({ ingress: [{ ip: expect.any(String) }] });
    for (const replica of replicas) {
      replica.kill();
    }
  });
});
