import { speakerLeaseName } from "../../src/core/liveness/lease-name.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";
import { fairWeather } from "./weather.ts";

const renewEveryMs = 2_000;
/** How often a host on the LAN takes or leaves an address of ours, at each report while the weather is bad. */
const intrusion = 0.2;
const intruderMac = "02:00:00:00:00:66";

/**
 * The speaker of one node, simplified: it renews its Lease, and reports late what
 * it has applied. It announces nothing. In bad weather hosts on its LAN take addresses and leave.
 */
export class SimulatedSpeaker {
  readonly node: string;
  readonly #network: SimulatedNetwork;
  readonly #nodeAddress: string;
  #alive = false;
  #life = 0;
  #highestTerm = 0;
  /** Addresses that a host on the LAN has, or says that it has. */
  readonly #intruded = new Set<string>();

  constructor(node: string, nodeAddress: string, network: SimulatedNetwork) {
    this.node = node;
    this.#nodeAddress = nodeAddress;
    this.#network = network;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** The node and its speaker come up. */
  start(): void {
    const { api, random } = this.#network;
    this.#alive = true;
    this.#life += 1;
    const status = { addresses: [{ type: "InternalIP", address: this.#nodeAddress }] };
    if (api.get("nodes", this.node) === undefined) {
      this.#post("/api/v1/nodes", { metadata: { name: this.node }, spec: {}, status });
    }
    const name = speakerLeaseName(this.node);
    if (api.get("leases", `steelyard-system/${name}`) === undefined) {
      const path = "/apis/coordination.k8s.io/v1/namespaces/steelyard-system/leases";
      this.#post(path, { metadata: { name, namespace: "steelyard-system" }, spec: {} });
    }
    this.#repeat(random.between(0, renewEveryMs), () => this.#renew());
    this.#repeat(random.between(0, 500), () => this.#report());
  }

  /** Power loss: the Node object stays. */
  stop(): void {
    this.#alive = false;
  }

  #post(path: string, body: object): void {
    this.#network.api.handle({ method: "POST", path, body }, this.node);
  }

  /** Does `act`, which tells how long to wait for the next time, as long as this life lasts. */
  #repeat(afterMs: number, act: () => number): void {
    const life = this.#life;
    this.#network.schedule.after(afterMs, () => {
      if (this.#alive && this.#life === life) {
        this.#repeat(act(), act);
      }
    });
  }

  #renew(): number {
    const { api, schedule } = this.#network;
    const key = `steelyard-system/${speakerLeaseName(this.node)}`;
    const spec = { holderIdentity: this.node, renewTime: String(schedule.now) };
    api.edit(this.node, "leases", key, () => ({ spec }));
    return renewEveryMs;
  }

  #report(): number {
    const { api, random, weather } = this.#network;
    const terms = api.list("l2bundles").map(({ spec }) => Number(spec.term));
    this.#highestTerm = Math.max(this.#highestTerm, ...terms);
    const report = {
      interfaces: [
        { name: "eth0", carrier: true, usable: true, prefixes: ["192.0.2.0/24", "2001:db8::/64"] },
      ],
      highestTerm: this.#highestTerm,
      applied: {
        allocations: api.version("ipallocations"),
        bundles: api.version("l2bundles"),
      },
      ...this.#otherHosts(),
    };
    api.edit(this.node, "l2speakers", this.node, () => ({ status: report }));
    return random.between(1_000, 1_000 + 20_000 * weather.stale);
  }

  /** What it says of other hosts, about what it was asked for and what it announces. */
  #otherHosts(): object {
    const { api, random, weather } = this.#network;
    const probes: readonly string[] = api.get("l2speakers", this.node)?.spec["probes"] ?? [];
    const allocations = api.list("ipallocations").map(({ spec }) => spec);
    const held = allocations.filter(({ state }) => state === "Allocated");
    const known = [...probes, ...held.map(({ address }) => address)];
    if (weather === fairWeather) {
      this.#intruded.clear();
    } else if (known.length > 0 && random.chance(intrusion)) {
      const address = random.pick(known);
      if (!this.#intruded.delete(address)) {
        this.#intruded.add(address);
      }
    }
    const quarantined = allocations.filter(({ state }) => state === "Quarantined");
    return {
      conflicts: [...this.#intruded].map((address) => ({
        ...{ address, mac: intruderMac, interface: "eth0" },
        held: held.some((one) => one.address === address),
      })),
      clear: quarantined
        .map(({ address }) => address)
        .filter((address) => probes.includes(address) && !this.#intruded.has(address)),
    };
  }
}
