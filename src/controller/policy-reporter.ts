import { excludedInUse } from "../core/allocation/excluded-in-use.ts";
import { decodeAddressPolicy } from "../kube/decode/address-policy.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import { apiVersion } from "../kube/resource.ts";
import * as resources from "../kube/resources.ts";
import type { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Configuration } from "./configuration.ts";
import { type PolicyStatusChange, planPolicyStatus } from "./policy-status.ts";
import { writeStatus } from "./write-status.ts";

export interface PolicyReporterOptions {
  readonly stores: Pick<ClusterStores, "policies">;
  readonly configuration: Pick<Configuration, "pools" | "policies">;
  readonly state: Pick<AllocationState, "ledger">;
  readonly writer: Writer;
  readonly events: Pick<EventRecorder, "record">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tells in the status of an AddressPolicy what became of it. */
export class PolicyReporter {
  readonly #options: PolicyReporterOptions;

  constructor(options: PolicyReporterOptions) {
    this.#options = options;
  }

  /** Brings the status of one policy up to date. Rejects to be tried again. */
  async report(name: string): Promise<void> {
    const { stores, configuration, state, writer, clock } = this.#options;
    const object = stores.policies.get(name);
    if (object === undefined) {
      return;
    }
    const { pools } = configuration;
    const inForce = configuration.policies.find((policy) => policy.name === name);
    const inUse = inForce === undefined ? [] : excludedInUse(inForce, pools, state.ledger);
    const change = planPolicyStatus(object, { pools, inUse, now: clock.wallTime() });
    if (change === undefined) {
      return;
    }
    const raw = await writeStatus(writer, resources.addressPolicies, object, change.status);
    if (raw !== undefined) {
      stores.policies.upsertLocal(decodeAddressPolicy(raw));
    }
    this.#tell(name, object.uid, change);
  }

  #tell(name: string, uid: string, { news }: PolicyStatusChange): void {
    const { log, events } = this.#options;
    const { kind } = resources.addressPolicies;
    const object = { apiVersion: apiVersion(resources.addressPolicies), kind, name, uid };
    for (const { reason, message } of news) {
      log.warn({ kind, name, reason }, message);
      events.record({ object, type: "Warning", reason, message });
    }
  }
}
