import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../sandbox/installation.ts";
import * as resources from "../../src/kube/resources.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { scanArp } from "./arp-scan.ts";
import { configNamespace } from "./cluster-api.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";
import { controllerPids, findLeader, leaderOtherThan } from "./controller-leader.ts";
import {
  answererOf,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";

const manifest = fileURLToPath(new URL("../../deploy/steelyard.yaml", import.meta.url));
const names = ["in-first", "in-second"];
/** After this long with one pool or advertisement less, what it gave is taken back: see decision 0006. */
const settledMs = 7_000;

let cluster: InstalledCluster;
let late = 0;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  await createPools();
  for (const name of names) {
    const annotations = { "metallb.io/address-pool": name.replace("in-", "") };
    await cluster.api.createService({ name, annotations });
    await decided(cluster.api, "True", name);
  }
  await eventually("an answer for both", async () => (await picture()).every(({ by }) => by));
});

afterAll(async () => {
  await cluster?.stop();
});

/** A CRD that was just applied takes no objects yet. */
async function createPools(): Promise<void> {
  const { api } = cluster;
  for (const [name, range] of [
    ["first", "192.0.2.10-192.0.2.19"],
    ["second", "192.0.2.30-192.0.2.39"],
  ] as const) {
    await eventually(`pool ${name}`, async () => {
      await api.createPool(name, [range]);
      return true;
    });
  }
}

async function createAdvertisement(): Promise<void> {
  await eventually("an advertisement", async () => {
    await cluster.api.createAdvertisement("default", {});
    return true;
  });
}

interface Picture {
  readonly name: string;
  readonly address: string;
  readonly uid: string | undefined;
  readonly bundle: string | undefined;
  readonly by: string | undefined;
}

/** What must not change: who has which address by which object, and which node answers for it. */
async function picture(): Promise<readonly Picture[]> {
  const { api } = cluster;
  return await Promise.all(
    names.map(async (name) => {
      const [address = ""] = addressesOf(await api.service(name));
      const { metadata, spec } = (await api.allocation(address)) ?? {};
      const by = (await answererOf(cluster, address))?.name;
      return { name, address, uid: metadata?.uid, bundle: spec?.bundle, by };
    }),
  );
}

async function reasonIs(name: string, reason: string): Promise<void> {
  await eventually(`${name} says ${reason}`, async () => {
    const service = await cluster.api.service(name);
    return conditionOf(service, "AddressAssigned")?.reason === reason;
  });
}

/** Loses the configuration, looks, brings it back, and looks again. */
async function loseAndRestore(steps: {
  readonly lose: () => Promise<unknown>;
  /** While it is lost. */
  readonly meanwhile?: () => Promise<unknown>;
  readonly restore: () => Promise<unknown>;
}): Promise<void> {
  const { api } = cluster;
  const before = await picture();
  await steps.lose();
  for (const name of names) {
    await reasonIs(name, "ConfigurationLost");
  }
  late += 1;
  const newcomer = `late-${late}`;
  await api.createService({ name: newcomer });
  const pending = await decided(api, "False", newcomer);
  expect(conditionOf(pending, "AddressAssigned")?.reason).toBe("ConfigurationLost");
  await steps.meanwhile?.();
  expect(await picture()).toEqual(before);
  await steps.restore();
  for (const name of [...names, newcomer]) {
    await reasonIs(name, "Assigned");
  }
  expect(await picture()).toEqual(before);
  await api.removeService(newcomer);
}

const settle = (): Promise<void> => systemClock.sleep(settledMs);

async function deleteAll(...what: readonly string[]): Promise<void> {
  await kubectl(cluster.sandbox, ["delete", "--wait=false", ...what]);
}

describe("every Service keeps its address, and no new one gets any,", () => {
  test("while all pools are deleted", async () => {
    await loseAndRestore({
      lose: () => deleteAll("-n", configNamespace, "ipaddresspools", "--all"),
      restore: createPools,
    });
  });

  test("while the CRD of pools hangs in its deletion with half of them gone, and when it is gone", async () => {
    const { api, sandbox } = cluster;
    const held = (finalizers: readonly string[]): Promise<void> =>
      api.patch(resources.ipAddressPools, "second", { metadata: { finalizers } }, configNamespace);
    await held(["example.com/hold"]);
    await loseAndRestore({
      lose: () => deleteAll("crd", "ipaddresspools.metallb.io"),
      meanwhile: async () => {
        await eventually("one pool of two is gone", async () => {
          return (await api.list(resources.ipAddressPools)).length === 1;
        });
        await settle();
        await held([]);
        await kubectl(sandbox, ["wait", "--for=delete", "crd/ipaddresspools.metallb.io"]);
      },
      restore: async () => {
        await apply(sandbox, manifest);
        await createPools();
      },
    });
  });

  test("while the CRD of advertisements is gone, and before one is there again", async () => {
    const { sandbox } = cluster;
    await loseAndRestore({
      lose: () => deleteAll("crd", "l2advertisements.metallb.io"),
      meanwhile: async () => {
        await kubectl(sandbox, ["wait", "--for=delete", "crd/l2advertisements.metallb.io"]);
        await settle();
        await apply(sandbox, manifest);
        await settle();
      },
      restore: createAdvertisement,
    });
  });

  test("while the namespace of the configuration is gone, also under a new leader", async () => {
    const { api, sandbox } = cluster;
    await api.createService({ name: "short-lived" });
    const [address = ""] = addressesOf(await decided(api, "True", "short-lived"));
    await loseAndRestore({
      lose: () => deleteAll("namespace", configNamespace),
      meanwhile: async () => {
        await kubectl(sandbox, ["wait", "--for=delete", `namespace/${configNamespace}`]);
        const leader = await findLeader(cluster);
        for (const pid of await controllerPids(cluster)) {
          process.kill(pid, "SIGKILL");
        }
        await leaderOtherThan(cluster, leader.identity);
        await api.removeService("short-lived");
        await eventually("the new leader takes an address back", async () => {
          return (await api.allocation(address))?.spec.state === "Cooling";
        });
      },
      restore: async () => {
        await apply(sandbox, manifest);
        await createPools();
        await createAdvertisement();
      },
    });
  });
});

describe("Steelyard's own kinds", () => {
  const kinds = ["ipallocations", "l2bundles", "l2speakers"].map((it) => `crd/${it}.steelyard.dev`);

  test("can go with all that they held: nodes go on answering, and everybody gets the same again", async () => {
    const { api, sandbox } = cluster;
    const before = (await picture()).map(({ name, address }) => ({ name, address }));
    const addresses = before.map(({ address }) => address);
    const conditions = conditionOf(await api.service("in-first"), "AddressAssigned");
    const [silent, scanning] = [new Set<string>(), new AbortController()];
    const scans = listen(addresses, silent, scanning.signal);
    await deleteAll(...kinds);
    await kubectl(sandbox, ["wait", "--for=delete", ...kinds]);
    await settle();
    expect(conditionOf(await api.service("in-first"), "AddressAssigned")).toEqual(conditions);
    await apply(sandbox, manifest);
    await api.createService({ name: "newcomer" });
    const newcomer = await decided(api, "True", "newcomer");
    expect(addresses).not.toContain(addressesOf(newcomer)[0]);
    for (const { name, address } of before) {
      await eventually(`${name} holds ${address}`, async () => {
        const holders = (await api.allocation(address))?.spec.holders ?? [];
        return holders.map((holder) => holder.name).includes(name);
      });
    }
    scanning.abort();
    await scans;
    expect([...silent]).toEqual([]);
    expect((await picture()).map(({ name, address }) => ({ name, address }))).toEqual(before);
  });
});

/** Asks for the addresses again and again, and notes who was silent. */
async function listen(
  addresses: readonly string[],
  silent: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const answers = await scanArp(cluster.client, addresses);
    for (const address of addresses.filter((it) => answers.get(it)?.size === 0)) {
      silent.add(address);
    }
    await systemClock.sleep(100);
  }
}
