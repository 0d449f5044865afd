import { describe, expect, test } from "vitest";
import { AllocationChangedError } from "../../src/controller/allocation-writer.ts";
import type { Service } from "../../src/core/model/service.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import type { IpAllocationObject } from "../../src/kube/decode/ip-allocation.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const address = "192.0.2.10" as IpAddress;
const second = "192.0.2.11" as IpAddress;

function serviceOf(cluster: KnownCluster, name: string): Service {
  const object = cluster.stores.services.get(`a/${name}`);
  expect(object).toBeDefined();
  return (object as NonNullable<typeof object>).service;
}

function knownOf(cluster: KnownCluster): IpAllocationObject {
  const object = cluster.stores.allocations.get(address);
  expect(object).toBeDefined();
  return object as IpAllocationObject;
}

function holderOf(cluster: KnownCluster, which = address): string | undefined {
  const { state, holders } = cluster.api.get("ipallocations", which)?.spec ?? {};
  return state === "Allocated" ? holders[0].name : state;
}

/** Services `s1` and `s2`, known to the leader. */
function twoServices(): KnownCluster {
  const cluster = new KnownCluster();
  cluster.followAllocations();
  cluster.createService("s1");
  cluster.createService("s2");
  cluster.see();
  return cluster;
}

describe("taking an address", () => {
  test("is one write, and known at once", async () => {
    const cluster = twoServices();
    await cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    expect(holderOf(cluster)).toBe("s1");
    expect(cluster.asked).toHaveLength(1);
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([address]);
    expect(knownOf(cluster).allocation.holders[0]?.name).toBe("s1");
  });

  test("counts before it is written, so that nobody else chooses the address", async () => {
    const cluster = twoServices();
    const under = cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([address]);
    await under;
  });

  test("fails where another was first; who it was is known then, without a watch", async () => {
    const cluster = twoServices();
    cluster.allocate(address, "s2");
    const taking = cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    await expect(taking).rejects.toThrow(AllocationChangedError);
    expect(holderOf(cluster)).toBe("s2");
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([]);
    expect(cluster.state.ledger.heldBy("a/s2")).toEqual([address]);
    expect(knownOf(cluster).allocation.holders[0]?.name).toBe("s2");
  });

  test("takes over one that cools down in the version that was decided on, not in a later one", async () => {
    const cluster = twoServices();
    cluster.allocate(second, "gone", "Cooling");
    cluster.see();
    // While the first is written, the watch tells that another gave the second to somebody.
    cluster.beforeRequest = (asked): void => {
      if (asked.startsWith("POST")) {
        cluster.api.remove("another", "ipallocations", second);
        cluster.allocate(second, "s2");
        cluster.see();
      }
    };
    const taking = cluster.allocations.acquire(serviceOf(cluster, "s1"), [address, second]);
    await expect(taking).rejects.toThrow(AllocationChangedError);
    expect(holderOf(cluster, second)).toBe("s2");
  });

  test("ends the reservation when the API server cannot be reached", async () => {
    const cluster = twoServices();
    cluster.beforeRequest = (): void => {
      throw new Error("unreachable");
    };
    const taking = cluster.allocations.acquire(serviceOf(cluster, "s1"), [address, second]);
    await expect(taking).rejects.toThrow("unreachable");
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([]);
  });
});

describe("an address that is held", () => {
  function held(): KnownCluster {
    const cluster = twoServices();
    cluster.allocate(address, "s1");
    cluster.see();
    return cluster;
  }

  test("is not written when it says what it should", async () => {
    const cluster = held();
    await cluster.allocations.refresh(serviceOf(cluster, "s1"), knownOf(cluster));
    expect(cluster.asked).toEqual([]);
  });

  test("is corrected only in the version that was decided on, though a later one is known", async () => {
    const cluster = held();
    const known = knownOf(cluster);
    cluster.api.remove("another", "ipallocations", address);
    cluster.allocate(address, "s2");
    cluster.see();
    const renamed: Service = { ...serviceOf(cluster, "s1"), uid: "a-new-one" };
    const correcting = cluster.allocations.refresh(renamed, known);
    await expect(correcting).rejects.toThrow(AllocationChangedError);
    expect(holderOf(cluster)).toBe("s2");
  });

  test("cools down when it is released, without a bundle, and says since when", async () => {
    const cluster = held();
    await cluster.allocations.release("a/s1", knownOf(cluster));
    const { state, bundle, releasedAt } = cluster.api.get("ipallocations", address)?.spec ?? {};
    expect({ state, bundle }).toEqual({ state: "Cooling", bundle: undefined });
    expect(Date.parse(releasedAt)).toBe(cluster.clock.wallTime().getTime());
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([]);
  });

  test("whose release nobody heard of is released before it is kept, as that may still arrive", async () => {
    const cluster = held();
    const known = knownOf(cluster);
    cluster.beforeRequest = (): void => {
      throw new Error("no answer");
    };
    await expect(cluster.allocations.release("a/s1", known)).rejects.toThrow("no answer");
    cluster.beforeRequest = (): void => undefined;
    const keeping = cluster.allocations.refresh(serviceOf(cluster, "s1"), known);
    await expect(keeping).rejects.toThrow(AllocationChangedError);
    expect(holderOf(cluster)).toBe("Cooling");
    await cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    await cluster.allocations.refresh(serviceOf(cluster, "s1"), knownOf(cluster));
    expect(holderOf(cluster)).toBe("s1");
  });

  test("is confirmed by reading it, whatever the watch has told", async () => {
    const cluster = held();
    const known = knownOf(cluster);
    const service = serviceOf(cluster, "s1");
    await cluster.allocations.confirm(service, known);
    cluster.api.edit("another", "ipallocations", address, ({ spec }) => ({
      spec: { ...spec, state: "Cooling" },
    }));
    await expect(cluster.allocations.confirm(service, known)).rejects.toThrow(
      AllocationChangedError,
    );
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([]);
  });

  test("is forgotten when it turns out to be gone", async () => {
    const cluster = held();
    cluster.api.remove("admin", "ipallocations", address);
    const releasing = cluster.allocations.release("a/s1", knownOf(cluster));
    await expect(releasing).rejects.toThrow(AllocationChangedError);
    expect(cluster.stores.allocations.get(address)).toBeUndefined();
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([]);
  });
});

describe("ending to cool", () => {
  function cooling(): KnownCluster {
    const cluster = twoServices();
    cluster.allocate(address, "s1", "Cooling");
    cluster.see();
    return cluster;
  }

  test("frees the address", async () => {
    const cluster = cooling();
    await cluster.allocations.free(address);
    expect(cluster.api.get("ipallocations", address)).toBeUndefined();
    expect(cluster.stores.allocations.get(address)).toBeUndefined();
  });

  test("leaves alone what was given to somebody since, whether we know it or not", async () => {
    const cluster = cooling();
    cluster.api.edit("another", "ipallocations", address, ({ spec }) => ({
      spec: { ...spec, state: "Allocated" },
    }));
    await expect(cluster.allocations.free(address)).rejects.toThrow(AllocationChangedError);
    await cluster.allocations.free(address);
    expect(holderOf(cluster)).toBe("s1");
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([address]);
  });

  test("leaves alone what is being taken right now", async () => {
    const cluster = cooling();
    const taking = cluster.allocations.acquire(serviceOf(cluster, "s2"), [address]);
    await Promise.all([taking, cluster.allocations.free(address)]);
    expect(holderOf(cluster)).toBe("s2");
    expect(cluster.asked.filter((asked) => asked.startsWith("DELETE"))).toEqual([]);
  });
});

describe("an address that Services share", () => {
  /** Services that could share, `count` of them on the address already. */
  async function sharing(count: number): Promise<KnownCluster> {
    const cluster = new KnownCluster();
    cluster.followAllocations();
    for (const [index, name] of ["s1", "s2", "s3"].entries()) {
      cluster.createService(name, { key: "x", port: 80 + index });
    }
    cluster.see();
    for (const name of ["s1", "s2", "s3"].slice(0, count)) {
      await cluster.allocations.acquire(serviceOf(cluster, name), [address]);
    }
    return cluster;
  }

  const holders = (cluster: KnownCluster): readonly string[] =>
    (cluster.api.get("ipallocations", address)?.spec.holders ?? []).map(
      ({ name }: { name: string }) => name,
    );

  test("is one object with several holders, each with its ports and key, who came first first", async () => {
    const cluster = await sharing(2);
    expect(cluster.api.get("ipallocations", address)?.spec.holders).toMatchObject([
      { name: "s1", ports: [{ protocol: "TCP", port: 80 }], sharingKey: "x" },
      { name: "s2", ports: [{ protocol: "TCP", port: 81 }], sharingKey: "x" },
    ]);
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([address]);
    expect(cluster.state.ledger.heldBy("a/s2")).toEqual([address]);
  });

  test("is taken by all at once, one after the other, without a conflict", async () => {
    const cluster = await sharing(0);
    const names = ["s1", "s2", "s3"];
    await Promise.all(
      names.map((name) => cluster.allocations.acquire(serviceOf(cluster, name), [address])),
    );
    expect(holders(cluster)).toEqual(names);
    expect(cluster.asked).toHaveLength(3);
  });

  test("is not joined by who fits no more once it is its turn", async () => {
    const cluster = await sharing(1);
    const second = cluster.allocations.acquire(serviceOf(cluster, "s2"), [address]);
    const collides = { ...serviceOf(cluster, "s3"), ports: serviceOf(cluster, "s2").ports };
    const third = cluster.allocations.acquire(collides, [address]);
    await second;
    await expect(third).rejects.toThrow(AllocationChangedError);
    expect(holders(cluster)).toEqual(["s1", "s2"]);
    expect(cluster.state.ledger.heldBy("a/s3")).toEqual([]);
  });

  test("is not joined in a version that another leader wrote and we have not seen", async () => {
    const cluster = await sharing(1);
    cluster.api.edit("another", "ipallocations", address, ({ spec }) => ({
      spec: { ...spec, state: "Cooling" },
    }));
    const joining = cluster.allocations.acquire(serviceOf(cluster, "s2"), [address]);
    await expect(joining).rejects.toThrow(AllocationChangedError);
    expect(cluster.api.get("ipallocations", address)?.spec.state).toBe("Cooling");
  });

  test("is left by one: the others keep it, and it does not cool down", async () => {
    const cluster = await sharing(3);
    await cluster.allocations.release("a/s1", knownOf(cluster));
    expect(holders(cluster)).toEqual(["s2", "s3"]);
    const { state, releasedAt } = cluster.api.get("ipallocations", address)?.spec ?? {};
    expect({ state, releasedAt }).toEqual({ state: "Allocated", releasedAt: undefined });
    expect(cluster.state.ledger.heldBy("a/s1")).toEqual([]);
    expect(cluster.state.ledger.heldBy("a/s2")).toEqual([address]);
  });

  test("cools down when the last one leaves", async () => {
    const cluster = await sharing(2);
    await cluster.allocations.release("a/s1", knownOf(cluster));
    await cluster.allocations.release("a/s2", knownOf(cluster));
    expect(cluster.api.get("ipallocations", address)?.spec).toMatchObject({
      state: "Cooling",
      holders: [{ name: "s2" }],
    });
  });

  test("is left and corrected by several at once, each on what it finds", async () => {
    const cluster = await sharing(3);
    const known = knownOf(cluster);
    const moved = { ...serviceOf(cluster, "s3"), ports: [{ protocol: "TCP", port: 90 }] };
    await Promise.all([
      cluster.allocations.release("a/s1", known),
      cluster.allocations.refresh(moved, known),
      cluster.allocations.refresh(serviceOf(cluster, "s2"), known),
    ]);
    expect(cluster.api.get("ipallocations", address)?.spec.holders).toMatchObject([
      { name: "s2", ports: [{ port: 81 }] },
      { name: "s3", ports: [{ port: 90 }] },
    ]);
  });

  test("is not kept by who collides with one that came meanwhile", async () => {
    const cluster = await sharing(1);
    const known = knownOf(cluster);
    await cluster.allocations.acquire(serviceOf(cluster, "s2"), [address]);
    const collides = { ...serviceOf(cluster, "s1"), ports: serviceOf(cluster, "s2").ports };
    const keeping = cluster.allocations.refresh(collides, known);
    await expect(keeping).rejects.toThrow(AllocationChangedError);
    expect(cluster.api.get("ipallocations", address)?.spec.holders[0].ports).toEqual([
      { protocol: "TCP", port: 80 },
    ]);
  });

  test("stays with the others though nobody heard of the leave of one, which is left again before it is kept", async () => {
    const cluster = await sharing(2);
    const known = knownOf(cluster);
    cluster.beforeRequest = (): void => {
      throw new Error("no answer");
    };
    await expect(cluster.allocations.release("a/s2", known)).rejects.toThrow("no answer");
    cluster.beforeRequest = (): void => undefined;
    await cluster.allocations.refresh(serviceOf(cluster, "s1"), known);
    expect(holders(cluster)).toEqual(["s1", "s2"]);
    const keeping = cluster.allocations.refresh(serviceOf(cluster, "s2"), known);
    await expect(keeping).rejects.toThrow(AllocationChangedError);
    expect(holders(cluster)).toEqual(["s1"]);
  });

  test("is covered by the advertisements of any of them: what one may be announced by, all are", async () => {
    const cluster = await sharing(2);
    cluster.api.edit("user", "services", "a/s2", ({ metadata }) => ({
      metadata: { ...metadata, labels: { team: "edge" } },
    }));
    cluster.create(
      `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/l2advertisements`,
      { namespace: configNamespace, name: "edge" },
      { spec: { serviceSelectors: [{ matchLabels: { team: "edge" } }] } },
    );
    cluster.see();
    cluster.configuration.refresh();
    const [pool] = cluster.state.pools;
    const covers = (name: string): boolean | undefined =>
      pool &&
      cluster.placement.covers(
        cluster.state.sharersOf(serviceOf(cluster, name), knownOf(cluster).allocation),
        pool,
      );
    expect([covers("s1"), covers("s2")]).toEqual([true, true]);
    await cluster.allocations.release("a/s2", knownOf(cluster));
    expect(covers("s1")).toBe(false);
  });

  test("lists its Services as they came, whoever asks, with what the one asking is now", async () => {
    const cluster = await sharing(2);
    const asking = (name: string): readonly string[] =>
      cluster.state
        .sharersOf({ ...serviceOf(cluster, name), uid: "now" }, knownOf(cluster).allocation)
        .map(({ key, uid }) => (uid === "now" ? `${key} now` : key));
    expect(asking("s1")).toEqual(["a/s1 now", "a/s2"]);
    expect(asking("s2")).toEqual(["a/s1", "a/s2 now"]);
    expect(asking("s3")).toEqual(["a/s1", "a/s2", "a/s3 now"]);
  });

  test("is not left because of others who changed meanwhile: it is decided again", async () => {
    const cluster = await sharing(3);
    const known = knownOf(cluster);
    await cluster.allocations.release("a/s2", known);
    const leaving = cluster.allocations.release("a/s1", known, true);
    await expect(leaving).rejects.toThrow(AllocationChangedError);
    expect(holders(cluster)).toEqual(["s1", "s3"]);
  });
});
