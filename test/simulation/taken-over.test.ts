import { expect, test } from "vitest";
import { isLong } from "../long.ts";
import { ClusterLife, configNamespace } from "./cluster-life.ts";
import { holdersOf, ingressOf } from "./fence-check.ts";
import { Replica } from "./replica.ts";
import { Schedule } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import { mayShare } from "./sharing-rule.ts";
import { SimulatedAdmission } from "./simulated-admission.ts";
import { type ApiObject, type AppliedWrite, SimulatedApi } from "./simulated-api.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedSpeaker } from "./simulated-speaker.ts";
import { fairWeather } from "./weather.ts";

const given = process.env["SEED"];
const firstSeed = given !== undefined ? Number(given) : isLong ? Date.now() % 1_000_000_000 : 1;
const runs = given !== undefined ? 1 : isLong ? 150 : 5;

interface Found {
  /** What its status shows. */
  readonly shows?: string;
  /** By `metallb.io/loadBalancerIPs`. */
  readonly asks?: string;
  readonly externalIP?: string;
  readonly bornIn: number;
}

/** What we come upon, by Service: what MetalLB gave, who came since, and who would like to have it. */
const found: Readonly<Record<string, Found>> = {
  "m/lowest": { shows: "192.0.2.1", bornIn: 2020 },
  "m/excluded": { shows: "192.0.2.2", bornIn: 2020 },
  "m/unreadable": { shows: "192.0.2.3", asks: "192.0.2.", bornIn: 2020 },
  "m/unmet": { shows: "192.0.2.4", asks: "203.0.113.1", bornIn: 2020 },
  "m/broadcast": { shows: "192.0.2.255", bornIn: 2020 },
  "a/new": { bornIn: 2019 },
  "a/asks": { asks: "192.0.2.2", bornIn: 2021 },
  "a/forges": { shows: "192.0.2.1", bornIn: 2021 },
  "a/claims": { asks: "192.0.2.4", externalIP: "192.0.2.4", bornIn: 2021 },
};
const livesOn = Object.keys(found).filter((key) => key.startsWith("m/"));
const quiet = { pools: 0, policies: 0, advertisement: 0, nodes: 0, replicas: 0, handovers: 0 };
const storm = {
  ...{ ...fairWeather, slow: 0.1, late: 0.02, lost: 0.05, answerLost: 0.05, refused: 0.15 },
  ...{ crash: 0.03, stale: 0.1, cut: 0.02 },
};

/** Two controllers that begin where MetalLB has ended, in bad weather; what went wrong. */
class Takeover {
  readonly schedule = new Schedule();
  readonly api = new SimulatedApi(
    (write) => this.#written(write),
    () => new Date(Date.UTC(2026, 0, 1) + this.schedule.now).toISOString(),
  );
  readonly wrong: string[] = [];
  crashes = 0;
  readonly #network: SimulatedNetwork;
  readonly #replicas: readonly Replica[];

  constructor(seed: number) {
    const { api, schedule } = this;
    const random = new SeededRandom(seed);
    const admission = new SimulatedAdmission("all", api, schedule);
    const network = new SimulatedNetwork({
      ...{ api, admission, schedule, random, trace: () => undefined },
      onCrash: (process): void => {
        this.crashes += 1;
        process.alive = false;
        const died = this.#replicas.find((one) => one.process === process);
        schedule.after(random.between(100, 5_000), () => died?.start());
      },
    });
    this.#network = network;
    const events = {
      onEnd: (replica: Replica): void => schedule.after(1_000, () => replica.start()),
      onError: (error: unknown): void => void this.wrong.push(String(error)),
    };
    this.#replicas = ["c0", "c1"].map((name) => new Replica(name, network, events));
    const speakers = [1, 2].map(
      (n) => new SimulatedSpeaker(`n${n}`, `192.0.2.${240 + n}`, network),
    );
    const life = new ClusterLife({ network, replicas: this.#replicas, speakers });
    life.begin(quiet, 1_000);
    life.end();
    for (const { metadata } of api.list("services")) {
      api.remove("admin", "services", `${metadata.namespace}/${metadata.name}`);
    }
    this.#leaveWhatMetalLbLeft();
    network.weather = storm;
  }

  /** Lets a minute pass in bad weather, then some in fair weather. */
  async run(): Promise<void> {
    await this.schedule.run(60_000, () => this.wrong.length > 0);
    this.#network.weather = fairWeather;
    await this.schedule.run(120_000, () => this.wrong.length > 0);
    for (const replica of this.#replicas) {
      replica.dispose();
    }
  }

  #leaveWhatMetalLbLeft(): void {
    const { api } = this;
    const addresses = ["192.0.2.1-192.0.2.9", "192.0.2.255-192.0.2.255"];
    api.edit("admin", "ipaddresspools", `${configNamespace}/p1`, () => ({
      spec: { addresses, autoAssign: true },
    }));
    const post = (path: string, metadata: object, rest: object): void =>
      void api.handle({ method: "POST", path, body: { metadata, ...rest } }, "admin");
    const policies = "/apis/steelyard.dev/v1alpha1/addresspolicies";
    post(policies, { name: "lan" }, { spec: { excludedAddresses: ["192.0.2.2"] } });
    post("/api/v1/namespaces", { name: "m" }, {});
    for (const [key, { shows, asks, externalIP, bornIn }] of Object.entries(found)) {
      const [namespace, name] = key.split("/");
      const creationTimestamp = `${bornIn}-01-01T00:00:00Z`;
      const annotations = asks === undefined ? {} : { "metallb.io/loadBalancerIPs": asks };
      const spec = {
        ...{ type: "LoadBalancer", clusterIPs: ["10.96.0.7"], ipFamilyPolicy: "SingleStack" },
        ...(externalIP === undefined ? {} : { externalIPs: [externalIP] }),
      };
      const ingress = shows === undefined ? [] : [{ ip: shows }];
      const metadata = { namespace, name, creationTimestamp, annotations };
      const path = `/api/v1/namespaces/${namespace}/services`;
      post(path, metadata, { spec, status: { loadBalancer: { ingress } } });
    }
  }

  #written({ plural, key, after, writer }: AppliedWrite): void {
    if (plural === "services" && writer.startsWith("c") && livesOn.includes(key)) {
      const shown = after === undefined ? [] : ingressOf(after);
      if (shown.join() !== found[key]?.shows) {
        this.wrong.push(`${key} shows ${shown}, and had ${found[key]?.shows}`);
      }
    }
    if (plural === "ipallocations" && after !== undefined) {
      this.#recorded(after);
    }
  }

  #recorded(allocation: ApiObject): void {
    const { address } = allocation.spec;
    const owner = livesOn.find((one) => found[one]?.shows === address);
    const holders = holdersOf(allocation);
    for (const [index, holder] of holders.entries()) {
      const name = `${holder.namespace}/${holder.name}`;
      if (owner !== undefined && owner !== name) {
        this.wrong.push(`${name} was given ${address}, which ${owner} has`);
      }
      if (!holders.slice(index + 1).every((other) => mayShare(holder, other))) {
        this.wrong.push(`${address} is held by ${name} and others`);
      }
    }
  }
}

test("what MetalLB gave stays with whom it gave it, whatever fails, and whoever claims it, while it is taken over", async () => {
  let crashes = 0;
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    const takeover = new Takeover(seed);
    const { api } = takeover;
    await takeover.run();
    crashes += takeover.crashes;
    expect(takeover.wrong, `SEED=${seed} repeats it`).toEqual([]);
    const shown = (key: string): readonly string[] => {
      const service = api.get("services", key);
      return service === undefined ? [] : ingressOf(service);
    };
    const condition = (key: string): unknown => api.get("services", key)?.status.conditions[0];
    for (const key of livesOn) {
      const address = found[key]?.shows ?? "";
      expect(shown(key), `${key}, SEED=${seed}`).toEqual([address]);
      const name = key.split("/")[1];
      const holders = holdersOf(api.get("ipallocations", address));
      expect(holders, `${address}, SEED=${seed}`).toMatchObject([{ name }]);
    }
    expect(condition("m/lowest")).toMatchObject({ status: "True", reason: "Assigned" });
    expect(condition("m/excluded")).toMatchObject({ status: "True", reason: "AddressExcluded" });
    expect(condition("m/broadcast")).toMatchObject({ status: "True", reason: "AddressDenied" });
    expect(condition("m/unreadable")).toMatchObject({ status: "True", reason: "RequestMalformed" });
    expect(condition("m/unmet")).toMatchObject({ status: "True", reason: "AddressNotInPool" });
    expect(condition("a/asks"), `SEED=${seed}`).toMatchObject({ status: "False" });
    expect(condition("a/claims"), `SEED=${seed}`).toMatchObject({ reason: "AddressInUse" });
    const others = [...shown("a/new"), ...shown("a/forges")];
    expect(new Set(others).size, `SEED=${seed}: ${others}`).toBe(2);
  }
  console.log(`${runs} runs from seed ${firstSeed}: ${crashes} crashes`);
}, 3_600_000);
