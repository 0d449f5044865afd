import { ApiError } from "../../src/kube/api-error.ts";
import type { ApiRequest } from "../../src/kube/transport.ts";
import type { Schedule } from "./schedule.ts";
import { parsePath, type SimulatedApi } from "./simulated-api.ts";

/** Who leads. */
export const controllerLease = "steelyard-system/steelyard-controller";

/**
 * Which of the policies for the leader's writes in `deploy/parts/50-admission.yaml` are there:
 * all; only that for our own objects, since the one for statuses and Events fails open; or none,
 * since somebody may have installed without them.
 */
export type Policies = "all" | "own objects" | "none";

/** The API server learns of the Lease by a watch of its own, and so a little late. */
const lagMs = 20;
const ownKinds = ["ipallocations", "l2bundles", "l2speakers"];

/** Refuses what a controller writes whose Pod does not hold the Lease, as the admission policies do. */
export class SimulatedAdmission {
  readonly #policies: Policies;
  /** Undefined: there is no Lease, and so no refusal. */
  #holder: string | undefined;

  constructor(policies: Policies, api: SimulatedApi, schedule: Schedule) {
    this.#policies = policies;
    api.subscribe("leases", () => {
      const holder = api.get("leases", controllerLease)?.spec.holderIdentity;
      schedule.after(lagMs, () => {
        this.#holder = holder;
      });
    });
  }

  /** The refusal of a request of the process `name`, undefined if it may pass. */
  refusal({ method, path }: ApiRequest, name: string): ApiError | undefined {
    if (method === "GET" || !this.#covers(path) || this.#holder === undefined) {
      return undefined;
    }
    // A container that starts again is the same Pod.
    return podOf(name) === podOf(this.#holder)
      ? undefined
      : new ApiError({
          status: 403,
          reason: "Forbidden",
          message: `controller ${podOf(name)} does not lead`,
        });
  }

  #covers(path: string): boolean {
    const { plural, subresource } = parsePath(path);
    const told = ["services", "ipaddresspools", "l2advertisements"];
    const tells = plural === "events" || (told.includes(plural) && subresource === "status");
    const own =
      (subresource === undefined && ownKinds.includes(plural)) ||
      (subresource === "status" && plural === "addresspolicies");
    return (own && this.#policies !== "none") || (tells && this.#policies === "all");
  }
}

function podOf(identity: string): string {
  return identity.split("/")[0] ?? "";
}
