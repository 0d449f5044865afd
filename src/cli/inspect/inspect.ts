import { loadAccess } from "../../kube/load-access.ts";
import * as resources from "../../kube/resources.ts";
import { Transport } from "../../kube/transport.ts";
import type { Clock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { explainService } from "../explain/explain-service.ts";
import { formatExplanation } from "../explain/format-explanation.ts";
import { readServiceFacts } from "../explain/service-facts.ts";
import { formatStatus } from "../status/format-status.ts";
import { readStatus } from "../status/read-status.ts";
import { ClusterReading } from "./cluster-reading.ts";
import type { InspectSettings } from "./cluster-view.ts";
import { describeFailure } from "./failure.ts";

export interface InspectOptions extends InspectSettings {
  readonly kubeconfig: string | undefined;
  /** Of the kubeconfig; undefined: its current one. */
  readonly context: string | undefined;
  readonly output: "text" | "json";
  /** Lines of text are broken at so many columns. */
  readonly width: number;
  readonly clock: Clock;
}

/** Which Service is meant: `name`, `namespace/name`; undefined namespace: that of the context. */
export interface ExplainOptions extends InspectOptions {
  readonly service: string;
  readonly namespace: string | undefined;
}

/** Prints what explains a Service. Resolves to the exit code: 2 if something may not be read, else 0. */
export async function explain(options: ExplainOptions): Promise<number> {
  const { name, ...given } = targetOf(options);
  return await inspect(options, async (reading, serverTime, contextNamespace) => {
    const namespace = given.namespace ?? contextNamespace ?? "default";
    const facts = await readServiceFacts(reading, options, { namespace, name }, serverTime);
    if (facts === undefined) {
      // The same whether there is one or not, for whom that is none of his business.
      throw new Error(
        reading.isUnread(resources.services)
          ? `you may not get services in namespace ${namespace}`
          : `there is no Service ${name} in namespace ${namespace}`,
      );
    }
    const explanation = explainService(facts, reading.unread);
    return [explanation, formatExplanation(explanation, serverTime(), options.width)];
  });
}

/** Prints how the cluster is. Resolves to the exit code: 2 if something may not be read, else 0. */
export async function status(options: InspectOptions): Promise<number> {
  return await inspect(options, async (reading, serverTime) => {
    const found = await readStatus(reading, options, serverTime);
    return [found, formatStatus(found, serverTime(), options.width)];
  });
}

type Inspection = (
  reading: ClusterReading,
  serverTime: () => Date,
  contextNamespace: string | undefined,
) => Promise<readonly [found: object, text: string]>;

async function inspect(options: InspectOptions, look: Inspection): Promise<number> {
  const { clock, output } = options;
  const access = await loadAccess(options);
  const transport = new Transport({ access, log: silentLog, clock });
  try {
    // Asked alone: after a 401 the server closes the connection, and of others nothing else would be heard.
    await transport.request({ method: "GET", path: "/version" });
    const reading = new ClusterReading(transport, clock);
    const serverTime = (): Date => transport.serverTime ?? clock.wallTime();
    const [found, text] = await look(reading, serverTime, access.namespace);
    if (reading.isMissing(resources.l2Speakers)) {
      throw new Error("Steelyard is not installed in this cluster: it knows no L2Speakers");
    }
    process.stdout.write(output === "json" ? `${JSON.stringify(found, undefined, 2)}\n` : text);
    return reading.unread.length > 0 ? 2 : 0;
  } catch (error) {
    throw describeFailure(error);
  } finally {
    await transport.close();
  }
}

/** Undefined namespace: that of the context. */
function targetOf({ service, namespace }: ExplainOptions): {
  readonly namespace: string | undefined;
  readonly name: string;
} {
  const parts = service.split("/");
  const [first = "", second] = parts;
  if (parts.length > 2 || parts.includes("")) {
    throw new Error(`"${service}" is no Service: give NAME or NAMESPACE/NAME`);
  }
  return second === undefined ? { namespace, name: first } : { namespace: first, name: second };
}
