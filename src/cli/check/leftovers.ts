import { field, listField, textField } from "../../kube/decode/fields.ts";
import type { CheckedFinding } from "./checked-finding.ts";

/** Whether a Service that is to be called is there: it has gone, or nobody answers behind it. */
export type ServiceState = "gone" | "unanswered" | "answered";

/** The parts of a cluster in which an uninstalled MetalLB may have left something. */
export interface LeftoverSources {
  /** ValidatingWebhookConfigurations, as the API server has them. */
  readonly registrations: readonly unknown[];
  /** CustomResourceDefinitions of metallb.io. */
  readonly definitions: readonly unknown[];
  readonly stateOf: (namespace: string, service: string) => ServiceState;
}

const group = "metallb.io";

/**
 * What is left of MetalLB's webhooks and stands in the way: the API server refuses every write that it
 * cannot ask about.
 */
export function leftovers(sources: LeftoverSources): readonly CheckedFinding[] {
  const { registrations, definitions, stateOf } = sources;
  return [
    ...registrations.flatMap((raw) => deadRegistration(raw, stateOf)),
    ...definitions.flatMap((raw) => deadConversion(raw, stateOf)),
  ];
}

/** The Services, `namespace/name`, whose state {@link leftovers} asks for. */
export function calledServices({
  registrations,
  definitions,
}: Pick<LeftoverSources, "registrations" | "definitions">): ReadonlySet<string> {
  const asked = new Set<string>();
  const stateOf = (namespace: string, service: string): ServiceState => {
    asked.add(`${namespace}/${service}`);
    return "answered";
  };
  leftovers({ registrations, definitions, stateOf });
  return asked;
}

function deadRegistration(
  raw: unknown,
  stateOf: LeftoverSources["stateOf"],
): readonly CheckedFinding[] {
  const dead = listField(raw, "webhooks")
    .filter((webhook) => aboutMetallb(webhook) && textField(webhook, "failurePolicy") !== "Ignore")
    .flatMap((webhook) => problemOf(field(webhook, "clientConfig"), stateOf) ?? []);
  const name = textField(raw, "metadata", "name") ?? "";
  return dead.length === 0
    ? []
    : [
        finding(
          "ValidatingWebhookConfiguration",
          name,
          `the API server asks ${dead[0]} about writes of ${group} and refuses them meanwhile`,
          `kubectl delete validatingwebhookconfiguration ${name}`,
        ),
      ];
}

function aboutMetallb(webhook: unknown): boolean {
  return listField(webhook, "rules").some((rule) => listField(rule, "apiGroups").includes(group));
}

function deadConversion(
  raw: unknown,
  stateOf: LeftoverSources["stateOf"],
): readonly CheckedFinding[] {
  const conversion = field(raw, "spec", "conversion");
  const isOurs = textField(raw, "spec", "group") === group;
  if (!isOurs || textField(conversion, "strategy") !== "Webhook") {
    return [];
  }
  const problem = problemOf(field(conversion, "webhook", "clientConfig"), stateOf);
  const name = textField(raw, "metadata", "name") ?? "";
  return problem === undefined
    ? []
    : [
        finding(
          "CustomResourceDefinition",
          name,
          `the API server has ${problem} convert these objects: none of another version can be read or written, ` +
            "nor a namespace with them deleted",
          `kubectl patch crd ${name} --type=merge -p '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'`,
        ),
      ];
}

/** Why nobody answers a call, as the words for whom is called; undefined: somebody does, or it is not in the cluster. */
function problemOf(clientConfig: unknown, stateOf: LeftoverSources["stateOf"]): string | undefined {
  const namespace = textField(clientConfig, "service", "namespace");
  const name = textField(clientConfig, "service", "name");
  if (namespace === undefined || name === undefined) {
    return undefined;
  }
  const service = `Service ${namespace}/${name}`;
  switch (stateOf(namespace, name)) {
    case "gone":
      return `${service}, which does not exist,`;
    case "unanswered":
      return `${service}, behind which no Pod is ready,`;
    case "answered":
      return undefined;
  }
}

function finding(kind: string, name: string, message: string, command: string): CheckedFinding {
  return {
    ...{ file: "cluster", line: undefined, kind, namespace: undefined, name },
    ...{ severity: "refuse", field: undefined, message, command },
  };
}
