import { isNotFound } from "../../kube/api-error.ts";
import { field, listField } from "../../kube/decode/fields.ts";
import { type Resource, resourcePath } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import type { ApiClient } from "../../kube/transport.ts";
import type { CheckedFinding, CheckReport } from "./checked-finding.ts";
import { calledServices, leftovers, type ServiceState } from "./leftovers.ts";

type Asking = Pick<ApiClient, "request">;

/**
 * Looks for what an uninstalled MetalLB has left in the cluster. Only admins may read that: that it
 * cannot be read is a problem, which takes nothing away from what else was found.
 */
export async function findLeftovers(
  client: Asking,
): Promise<Pick<CheckReport, "findings" | "problems">> {
  try {
    return { findings: await readLeftovers(client), problems: [] };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return {
      findings: [],
      problems: [`cluster: what MetalLB may have left cannot be looked for: ${words}`],
    };
  }
}

async function readLeftovers(client: Asking): Promise<readonly CheckedFinding[]> {
  const [registrations, definitions] = await Promise.all([
    list(client, resources.validatingWebhookConfigurations),
    list(client, resources.customResourceDefinitions),
  ]);
  const states = new Map<string, ServiceState>();
  for (const key of calledServices({ registrations, definitions })) {
    states.set(key, await stateOf(client, key));
  }
  return leftovers({
    registrations,
    definitions,
    stateOf: (namespace, name) => states.get(`${namespace}/${name}`) ?? "answered",
  });
}

async function list(client: Asking, resource: Resource): Promise<readonly unknown[]> {
  const path = resourcePath(resource);
  return listField(await client.request({ method: "GET", path }), "items");
}

async function stateOf(client: Asking, key: string): Promise<ServiceState> {
  const [namespace, name] = key.split("/");
  try {
    const path = resourcePath(resources.services, { namespace, name });
    await client.request({ method: "GET", path });
  } catch (error) {
    if (isNotFound(error)) {
      return "gone";
    }
    throw error;
  }
  const slices = await client.request({
    method: "GET",
    path: resourcePath(resources.endpointSlices, { namespace }),
    query: { labelSelector: `kubernetes.io/service-name=${name}` },
  });
  const endpoints = listField(slices, "items").flatMap((slice) => listField(slice, "endpoints"));
  const answers = endpoints.some((endpoint) => field(endpoint, "conditions", "ready") !== false);
  return answers ? "answered" : "unanswered";
}
