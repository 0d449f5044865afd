import type { Service } from "../../core/model/service.ts";
import type { EndpointNodes } from "../../core/placement/hosts.ts";
import { decodeEndpointNodes } from "../../kube/decode/endpoint-nodes.ts";
import { booleanField, listField, textField } from "../../kube/decode/fields.ts";
import * as resources from "../../kube/resources.ts";
import type { ClusterReading } from "../inspect/cluster-reading.ts";

/** Where the Pods of one Service run, or what else it leads to. */
export interface ServiceEndpoints extends EndpointNodes {
  /** True if it has ready endpoints that name no node, such as hosts outside of the cluster. */
  readonly elsewhere: boolean;
}

/** Reads where the Pods of these Services run, by the key of the Service; those that may not be read are left out. */
export async function readEndpoints(
  reading: ClusterReading,
  services: readonly Service[],
): Promise<ReadonlyMap<string, ServiceEndpoints>> {
  const found = await Promise.all(
    services.map(async ({ namespace, name, key }) => {
      const query = { labelSelector: `kubernetes.io/service-name=${name}` };
      const slices = await reading.list(resources.endpointSlices, (raw) => raw, {
        ...{ namespace, query },
      });
      return slices === undefined ? [] : [[key, endpointsOf(slices, key)] as const];
    }),
  );
  return new Map(found.flat());
}

function endpointsOf(slices: readonly unknown[], key: string): ServiceEndpoints {
  const own = slices.flatMap((raw) => {
    const nodes = decodeEndpointNodes(raw);
    return nodes?.service === key ? [{ raw, nodes }] : [];
  });
  const names = (joined: readonly string[]): ReadonlySet<string> =>
    new Set(joined.flatMap((text) => text.split(",")).filter((name) => name !== ""));
  return {
    ready: names(own.map(({ nodes }) => nodes.ready)),
    serving: names(own.map(({ nodes }) => nodes.serving)),
    elsewhere: own.some(({ raw }) => listField(raw, "endpoints").some(isElsewhere)),
  };
}

function isElsewhere(endpoint: unknown): boolean {
  const isReady = booleanField(endpoint, "conditions", "ready") !== false;
  return isReady && textField(endpoint, "nodeName") === undefined;
}
