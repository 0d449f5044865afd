import type { AllocationContext } from "../../src/core/allocation/allocation-context.ts";
import type { AllocationDecision } from "../../src/core/allocation/allocation-decision.ts";
import { carryOut } from "../../src/core/allocation/carry-out.ts";
import { decide } from "../../src/core/allocation/decide.ts";
import { DenyList } from "../../src/core/allocation/deny-list.ts";
import { Ledger } from "../../src/core/allocation/ledger.ts";
import { openPolicy } from "../../src/core/allocation/policy-for.ts";
import { Supply } from "../../src/core/allocation/supply.ts";
import type { IpAddressPool } from "../../src/core/model/ip-address-pool.ts";
import type { Service } from "../../src/core/model/service.ts";
import {
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  parseIpAddress,
  toNumber,
} from "../../src/core/net/ip-address.ts";
import { parseIpRange } from "../../src/core/net/ip-range.ts";
import type { AllocationCase } from "./cases.ts";

/** A prime that divides no number of held addresses, so that every Service has its turn. */
const stride = 7_919;

/** Decisions of Steelyard without a cluster: each is carried out in the ledger at once. */
export class Desk {
  readonly #ledger = new Ledger();
  readonly #denyList = new DenyList();
  readonly #context: AllocationContext;
  readonly #family: IpFamily;
  readonly #holders: IpAddress[] = [];
  #turn = 0;
  #asked = 0;

  /** Makes the pools of `situation` and has its addresses held. */
  constructor({ pools, held }: AllocationCase) {
    const made = pools.map(([range = ""], at) => pool(at, range));
    this.#family = made[0]?.ranges[0]?.family ?? 4;
    const nobody = {};
    const supply = new Supply(this.#ledger, this.#denyList);
    supply.setPools(made);
    this.#context = {
      pools: made,
      configurationLost: false,
      mayReturn: () => false,
      asWritten: (address) => this.#ledger.get(address),
      ledger: this.#ledger,
      denyList: this.#denyList,
      supply,
      policyFor: () => openPolicy,
      namespaceLabels: () => nobody,
      networksKnown: true,
    };
    for (const { first, count, step } of held) {
      const start = toNumber(parseIpAddress(first) as IpAddress);
      for (let at = 0; at < count; at += 1) {
        const address = formatIpAddress(this.#family, start + BigInt(at * step));
        const holder = service(`held-${this.#holders.length}`, this.#family);
        const decision: AllocationDecision = { kind: "grant", addresses: [address] };
        carryOut(decision, holder, this.#context);
        this.#holders.push(address);
      }
    }
  }

  /** A new Service asks; returns what it got. */
  grant(): IpAddress | undefined {
    this.#asked += 1;
    const asking = service(`asking-${this.#asked}`, this.#family);
    const decision = decide(asking, this.#context);
    carryOut(decision, asking, this.#context);
    return decision.kind === "grant" ? decision.addresses[0] : undefined;
  }

  /** One of the Services goes, each time another one, and a new one comes; returns what that got. */
  turnOver(): IpAddress | undefined {
    this.#turn = (this.#turn + stride) % this.#holders.length;
    this.#ledger.remove(this.#holders[this.#turn] as IpAddress);
    const address = this.grant();
    if (address !== undefined) {
      this.#holders[this.#turn] = address;
    }
    return address;
  }
}

function pool(at: number, text: string): IpAddressPool {
  const parsed = parseIpRange(text);
  if (!parsed.ok) {
    throw new Error(parsed.error);
  }
  return {
    name: `pool-${String(at).padStart(4, "0")}`,
    labels: {},
    ranges: [parsed.range],
    autoAssign: true,
    avoidBuggyIPs: false,
    serviceAllocation: undefined,
  };
}

const ports = [{ protocol: "TCP", port: 80 }];
const wish = { addresses: [], source: "", pool: undefined, error: undefined };

function service(name: string, family: IpFamily): Service {
  return {
    key: `bench/${name}`,
    namespace: "bench",
    name,
    uid: name,
    labels: {},
    wantsAddress: true,
    families: [family],
    familyPolicy: "SingleStack",
    ports,
    wish,
    sharing: undefined,
    externalIPs: [],
    statusAddresses: [],
  };
}
