import type { CoreV1Event, V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as resources from "../../../src/kube/resources.ts";
import { ClusterApi, events } from "../../e2e/cluster-api.ts";
import { addressesOf, conditionOf, loadBalancer } from "../../e2e/cluster-objects.ts";
import { eventually, type InstalledCluster, startInstalled } from "../../e2e/installed-cluster.ts";
import { isLong } from "../../long.ts";

/** How often two Services ask for one address at once, and how many such pairs at a time. */
const rounds = isLong ? 2_000 : 200;
const pairsAtOnce = 20;
/** Fewer than rounds, so that addresses that cool down are fought for too. */
const addresses = 120;

const namespaces = ["team-a", "team-b"] as const;

let cluster: InstalledCluster;
let rival: ClusterApi;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 1 });
  rival = await ClusterApi.open(cluster.sandbox.kubeconfigPath);
  const { api } = cluster;
  for (const name of namespaces) {
    await api.create(resources.namespaces, { metadata: { name } } as object);
  }
  await api.createPool("production", ["192.0.2.0/24"]);
});

afterAll(async () => {
  await rival?.close();
  await cluster?.stop();
});

interface Pair {
  readonly address: string;
  readonly services: readonly V1Service[];
}

/** Both ask in the same instant, over a connection each; who sends first takes turns. */
async function ask(round: number): Promise<Pair> {
  const address = `192.0.2.${1 + (round % addresses)}`;
  const create = (api: ClusterApi, namespace: string): Promise<V1Service> =>
    api.create<V1Service>(
      resources.services,
      loadBalancer({
        name: `wants-${round}`,
        namespace,
        spec: { loadBalancerIP: address, allocateLoadBalancerNodePorts: false },
      }),
    );
  const asked = [create(cluster.api, namespaces[0]), create(rival, namespaces[1])];
  return { address, services: await Promise.all(round % 2 === 0 ? asked : asked.reverse()) };
}

/** The pair's Services as they are now, once both were told something about their address. */
async function answered({ services }: Pair): Promise<readonly V1Service[]> {
  return await eventually(`an answer to ${services[0]?.metadata?.name}`, async () => {
    const now = await Promise.all(
      services.map(({ metadata }) =>
        cluster.api.service(metadata?.name ?? "", metadata?.namespace ?? ""),
      ),
    );
    const told = now.filter((service) => conditionOf(service, "AddressAssigned") !== undefined);
    return told.length === 2 ? (told as readonly V1Service[]) : undefined;
  });
}

async function judge(pair: Pair): Promise<void> {
  const { address } = pair;
  const services = await answered(pair);
  const [holder, ...more] = services.filter((service) => addressesOf(service).length > 0);
  const [loser] = services.filter((service) => addressesOf(service).length === 0);
  expect(more, `${address} is given to one`).toEqual([]);
  expect(addressesOf(holder)).toEqual([address]);
  const allocation = await cluster.api.allocation(address);
  expect(allocation?.spec).toMatchObject({ address, state: "Allocated", pool: "production" });
  expect(allocation?.spec.holders.map(({ uid }) => uid)).toEqual([holder?.metadata?.uid]);
  expect(conditionOf(holder, "AddressAssigned")).toMatchObject({
    status: "True",
    reason: "Assigned",
  });
  expect(conditionOf(loser, "AddressAssigned")).toMatchObject({
    status: "False",
    reason: "AddressInUse",
    message: `${address} is in use by another Service`,
  });
  const said = JSON.stringify(loser?.status);
  expect(said).not.toContain(holder?.metadata?.namespace);
  losers.push(loser?.metadata?.uid ?? "");
}

const losers: string[] = [];
/** Events are paced, and each pair has several: they are told long after it was decided. */
const eventsMs = 90_000 + rounds * 100;

describe("two Services that ask for one address in the same instant", () => {
  test(`have one holder each of ${rounds} times, and the other is told why`, async () => {
    for (let done = 0; done < rounds; done += pairsAtOnce) {
      const pairs = await Promise.all(
        Array.from({ length: pairsAtOnce }, (_, index) => ask(done + index)),
      );
      await Promise.all(pairs.map(judge));
      await Promise.all(
        pairs.flatMap(({ services }) =>
          services.map(({ metadata }) =>
            cluster.api.removeService(metadata?.name ?? "", metadata?.namespace),
          ),
        ),
      );
      // A loser may be woken by the release just before it is deleted itself.
      await eventually("every address released", async () =>
        (await cluster.api.allocations()).every(({ spec }) => spec.state === "Cooling"),
      );
    }
  }, 1_200_000);

  test(
    "have an Event each, which names nobody of another namespace",
    async () => {
      const refusals = await eventually(
        "an Event for every loser",
        async () => {
          const all = await cluster.api.list<CoreV1Event>(events);
          const refused = all.filter(({ message }) => message?.startsWith("AddressInUse: "));
          const told = new Set(refused.map(({ involvedObject }) => involvedObject.uid));
          return losers.every((uid) => told.has(uid)) && refused;
        },
        eventsMs,
      );
      for (const { message, type, involvedObject } of refusals) {
        expect(type).toBe("Warning");
        const other = namespaces.find((name) => name !== involvedObject.namespace) ?? "";
        expect(message).not.toContain(other);
      }
    },
    eventsMs + 30_000,
  );
});
