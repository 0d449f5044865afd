import type { Condition } from "../../kube/condition.ts";
import type { NodeView } from "./cluster-view.ts";

/**
 * Something that is wrong in the configuration or in conflict with something else, in `--output
 * json`: docs/commands.md describes it for programs.
 */
export interface Conflict {
  /** The kind of the object that says so. */
  readonly object: string;
  readonly name: string;
  readonly reason: string;
  readonly message: string;
}

/** Conditions that tell of trouble: that something cannot be read, or collides. */
export function conflictsOf(
  object: string,
  name: string,
  conditions: readonly Condition[],
): readonly Conflict[] {
  return conditions
    .filter(({ type, status }) => {
      const isGood = type.endsWith("Valid") || type === "Accepted";
      return isGood ? status === "False" : status === "True";
    })
    .map(({ reason, message }) => ({ object, name, reason, message }));
}

/**
 * Hosts that have addresses of ours, as nodes hear them. Speakers hear each other, too: who has the
 * hardware address of a node is none.
 */
export function conflictsHeard(nodes: readonly NodeView[]): readonly Conflict[] {
  const interfaces = nodes.flatMap(({ report }) => report?.interfaces ?? []);
  const ours = new Set(interfaces.flatMap(({ mac }) => mac ?? []));
  return nodes.flatMap(({ node: { name }, report }) =>
    (report?.conflicts ?? [])
      .filter(({ mac }) => !ours.has(mac))
      .map(({ address, mac, interface: nic, held }) => ({
        ...{ object: "L2Speaker", name, reason: "AddressConflict" },
        message: held
          ? `${address} is claimed by the host with MAC ${mac} as well, heard on ${nic}`
          : `${address} is free, and the host with MAC ${mac} has it, heard on ${nic}`,
      })),
  );
}

/** The conflict in a sentence, for people. */
export function describeConflict({ object, name, reason, message }: Conflict): string {
  return `${object} ${name}, ${reason}: ${message}`;
}
