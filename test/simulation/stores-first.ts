import assert from "node:assert/strict";
import { ApiError } from "../../src/kube/api-error.ts";
import type { ApiRequest } from "../../src/kube/transport.ts";
import { ClusterLife } from "./cluster-life.ts";
import { Replica } from "./replica.ts";
import { Schedule } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedAdmission } from "./simulated-admission.ts";
import { type AppliedWrite, parsePath, SimulatedApi } from "./simulated-api.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedSpeaker } from "./simulated-speaker.ts";

/** Every kind that the controller watches. */
export const watched = [
  "services",
  "nodes",
  "namespaces",
  "ipaddresspools",
  "l2advertisements",
  "addresspolicies",
  "ipallocations",
  "l2bundles",
  "l2speakers",
  "leases",
  "servicecidrs",
  "endpointslices",
  "customresourcedefinitions",
];

/** An API server that cannot list one kind for a while, and where a webhook of somebody's refuses to change one Service. */
class ForgetfulApi extends SimulatedApi {
  withheld: string | undefined;
  poisoned: string | undefined;

  override handle(request: ApiRequest, writer: string, sentVersion?: number): unknown {
    const { plural, name } = parsePath(request.path);
    if (request.method === "PATCH" && plural === "services" && name === this.poisoned) {
      throw new ApiError({ status: 403, reason: "Forbidden", message: "denied by a webhook" });
    }
    if (request.method === "GET" && name === undefined && plural === this.withheld) {
      const message = "etcdserver: request timed out";
      throw new ApiError({ status: 500, reason: "InternalError", message });
    }
    return super.handle(request, writer, sentVersion);
  }
}

/** A cluster with pools, Services and speakers, and one controller that starts. */
export function begun(withheld?: string) {
  const writes: AppliedWrite[] = [];
  const api = new ForgetfulApi((write) => void writes.push(write));
  const [schedule, random] = [new Schedule(), new SeededRandom(1)];
  const fail = (): never => {
    throw new Error("a controller ended by itself");
  };
  const admission = new SimulatedAdmission("all", api, schedule);
  const trace = (): void => {};
  const network = new SimulatedNetwork({ api, admission, schedule, random, trace, onCrash: fail });
  const replica = new Replica("c0", network, { onEnd: fail, onError: fail });
  const speakers = [1, 2].map((n) => new SimulatedSpeaker(`n${n}`, `192.0.2.${n}`, network));
  const life = new ClusterLife({ network, replicas: [replica], speakers });
  api.withheld = withheld;
  const quiet = { pools: 0, policies: 0, advertisement: 0, nodes: 0, replicas: 0, handovers: 0 };
  life.begin(quiet, 1_000);
  life.end();
  const ours = (): readonly string[] =>
    writes.filter(({ writer }) => writer.startsWith("c0")).map(({ plural }) => plural);
  return { api, schedule, replica, ours };
}

/** A6: nothing is written while the kind `withheld` is not known, and all that is due once it is. */
export async function writesNothingWithout(withheld: string): Promise<void> {
  const { api, schedule, replica, ours } = begun(withheld);
  try {
    await schedule.run(30_000, () => false);
    assert.deepEqual(ours(), [], `written although ${withheld} are not known`);
    api.withheld = undefined;
    await schedule.run(60_000, () => ours().includes("ipallocations"));
    assert.ok(ours().includes("ipallocations"), `nothing written once ${withheld} are known`);
  } finally {
    replica.dispose();
  }
}
