import { numberField, textField } from "../../kube/decode/fields.ts";
import type { ServiceObject } from "../../kube/decode/service.ts";
import type { Resource } from "../../kube/resource.ts";
import { type ClusterReading, createdAt } from "../inspect/cluster-reading.ts";
import type { ExplainedChange } from "./service-explanation.ts";

const events: Resource = {
  group: "",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
};

/** Reads what Steelyard's Events tell of the Service, in no order; none where they may not be read. */
export async function readEvents(
  reading: ClusterReading,
  { service }: ServiceObject,
): Promise<readonly ExplainedChange[]> {
  const { namespace, name, uid } = service;
  const query = { fieldSelector: `involvedObject.kind=Service,involvedObject.name=${name}` };
  const found = await reading.list(events, (raw) => raw, { namespace, query });
  return (found ?? [])
    .filter(
      (raw) =>
        textField(raw, "involvedObject", "uid") === uid &&
        (textField(raw, "source", "component") ?? "").startsWith("steelyard"),
    )
    .map(readEvent);
}

function readEvent(raw: unknown): ExplainedChange {
  return {
    at: textField(raw, "lastTimestamp") ?? textField(raw, "eventTime") ?? createdAt(raw),
    source: "Event",
    reason: textField(raw, "reason") ?? "",
    message: textField(raw, "message") ?? "",
    count: numberField(raw, "count") ?? numberField(raw, "series", "count") ?? 1,
  };
}
