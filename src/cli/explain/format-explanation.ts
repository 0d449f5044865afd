import { enumerated } from "../../core/model/enumerated.ts";
import { describeConflict } from "../inspect/conflict.ts";
import { describeUnread } from "../inspect/rights.ts";
import { ageOf } from "../print/age.ts";
import { describeLeader } from "../print/leader.ts";
import { paragraphs, wrapped } from "../print/wrapped.ts";
import type {
  ExplainedAddress,
  ExplainedAnnouncer,
  ExplainedChange,
  ExplainedCondition,
  ExplainedEndpoints,
  ExplainedNode,
  ExplainedPool,
  ServiceExplanation,
} from "./service-explanation.ts";

/** Where the texts behind the labels begin. */
const labelWidth = 14;

/** Conditions with these say that all is well, which the rest says as well. */
const goodReasons: readonly string[] = ["Assigned", "Announced"];

/** The explanation for people, in lines no wider than `width` where words allow it. `now` is the server's. */
export function formatExplanation(
  explanation: ServiceExplanation,
  now: Date,
  width: number,
): string {
  const { addresses, pools = [], changes, unread } = explanation;
  return paragraphs([
    formatHead(explanation, now, width),
    troublesOf(explanation).flatMap((condition) => formatCondition(condition, now, width)),
    isUntouched(explanation) ? wrapped("", whyUntouched(explanation), width) : [],
    pools.flatMap((pool, index) =>
      wrapped(labelled(index === 0 ? "pools" : ""), describePool(pool), width),
    ),
    ...addresses.map((address, index) => formatAddress(address, addresses[index - 1], now, width)),
    formatChanges(changes, now, width),
    describeUnread(unread).flatMap((line) => wrapped("! ", line, width)),
  ]);
}

function formatHead(
  { service, addresses, endpoints, controller }: ServiceExplanation,
  now: Date,
  width: number,
): readonly string[] {
  const { namespace, name, type, loadBalancerClass, externalTrafficPolicy } = service;
  const kind = [
    type,
    ...(loadBalancerClass === undefined ? [] : [`class ${loadBalancerClass}`]),
    ...(externalTrafficPolicy === undefined
      ? []
      : [`externalTrafficPolicy ${externalTrafficPolicy}`]),
  ];
  const isOurs = type === "LoadBalancer" || addresses.length > 0;
  const isLeaderless = controller !== undefined && controller.leader === undefined;
  return [
    ...wrapped("", `Service ${namespace}/${name} (${kind.join(", ")})`, width),
    ...(endpoints !== undefined && isOurs ? wrapped("", describeEndpoints(endpoints), width) : []),
    ...(isLeaderless ? wrapped("", describeLeader(controller, now), width) : []),
  ];
}

function describeEndpoints({ ready, serving, elsewhere }: ExplainedEndpoints): string {
  if (ready.length > 0) {
    const others = elsewhere ? ", and endpoints that are on no node" : "";
    return `Pods are ready on ${enumerated(ready)}${others}`;
  }
  if (elsewhere) {
    return "Its endpoints are on no node";
  }
  return serving.length > 0
    ? `No Pod is ready; those that still serve are on ${enumerated(serving)}`
    : "No Pod is ready: whoever connects is refused";
}

/** What its conditions say and the addresses do not. */
function troublesOf({ conditions, addresses }: ServiceExplanation): readonly ExplainedCondition[] {
  return conditions.filter(
    ({ status, reason }) =>
      (status !== "True" || !goodReasons.includes(reason)) &&
      !addresses.some((address) => address.reason === reason),
  );
}

function isUntouched({ conditions, addresses }: ServiceExplanation): boolean {
  return conditions.length + addresses.length === 0;
}

function whyUntouched({ service, controller }: ServiceExplanation): string {
  if (service.type !== "LoadBalancer") {
    return "Only Services of type LoadBalancer get an address";
  }
  const others = "serves another loadBalancerClass (its flag --lb-class)";
  return controller?.leader === undefined
    ? `Steelyard has not looked at it: no controller leads, or it ${others}`
    : `Steelyard has not looked at it: the controller has not come to it yet, or ${others}`;
}

function formatChanges(
  changes: readonly ExplainedChange[],
  now: Date,
  width: number,
): readonly string[] {
  return changes.length === 0
    ? []
    : [
        "Last changes (Events are forgotten, mostly after an hour)",
        ...changes.flatMap(({ at, reason, message, count }) => {
          const times = count > 1 ? ` (${count} times)` : "";
          return wrapped(labelled(`${ageOf(at, now)} ago`), `${reason}: ${message}${times}`, width);
        }),
      ];
}

function labelled(label: string): string {
  return `  ${label}`.padEnd(labelWidth);
}

function formatCondition(
  { type, status, reason, message, since }: ExplainedCondition,
  now: Date,
  width: number,
): readonly string[] {
  const text = `${type} ${status}, ${reason}: ${message} (since ${since}, ${ageOf(since, now)} ago)`;
  return wrapped("", text, width);
}

type Rows = readonly (readonly [label: string, text: string])[];

/** `before`: the address told of before it, whose rows are not told again where they are the same. */
function formatAddress(
  address: ExplainedAddress,
  before: ExplainedAddress | undefined,
  now: Date,
  width: number,
): readonly string[] {
  const { announcer, holders } = address;
  const common = commonRows(address);
  const isRepeated =
    before !== undefined &&
    common.length > 1 &&
    JSON.stringify(commonRows(before)) === JSON.stringify(common);
  const rows: Rows = [
    ...(announcer?.from === undefined
      ? []
      : [["moved", `from ${announcer.from}: ${announcer.reason}`] as const]),
    ...(holders.length === 0 ? [] : [["held by", enumerated(holders)] as const]),
    ...(isRepeated ? [["the rest", `as for ${before.address}`] as const] : common),
  ];
  return [
    ...wrapped(`${address.address}  `, headline(address, now), width),
    ...rows.flatMap(([label, text]) => wrapped(labelled(label), text, width)),
  ];
}

/** What mostly is the same for all addresses of a Service; what is not known is left out. */
function commonRows(address: ExplainedAddress): Rows {
  const { pool, policies, demands = [], advertisements, bundle, conflicts, next, nodes } = address;
  const home = bundle === undefined ? "" : `; L2Bundle ${bundle}`;
  const rows: readonly (readonly [label: string, text: string | undefined])[] = [
    ["pool", pool && describePool(pool)],
    ["policy", policies && describePolicies(policies, demands)],
    [
      "advertised",
      advertisements &&
        (advertisements.length === 0
          ? "by no L2Advertisement"
          : `by L2Advertisement ${advertisements.join(", ")}${home}`),
    ],
    ...conflicts.map((conflict) => ["conflict", describeConflict(conflict)] as const),
    ["next", next && (next.length === 0 ? "nobody" : next.join(", "))],
    ...whyNot(nodes).map((text, index) => [index === 0 ? "why not" : "", text] as const),
  ];
  return rows.flatMap(([label, text]) => (text === undefined ? [] : [[label, text] as const]));
}

function describePolicies(policies: readonly string[], demands: readonly string[]): string {
  return policies.length === 0
    ? "no AddressPolicy: as open as MetalLB"
    : `${policies.join(", ")}: ${demands.join("; ")}`;
}

function headline(address: ExplainedAddress, now: Date): string {
  const { announced, announcer, reason, message } = address;
  if (announced === "True") {
    return announcer === undefined
      ? `announced, says its status: ${message}`
      : `announced by ${describeAnnouncer(announcer, now)}`;
  }
  const prefix = `${address.address}: `;
  const words = message.startsWith(prefix) ? message.slice(prefix.length) : message;
  return `${announced === "False" ? "not announced" : "not known to be announced"}, ${reason}: ${words}`;
}

function describeAnnouncer({ node, interfaces, since }: ExplainedAnnouncer, now: Date): string {
  const where = interfaces.length === 0 ? "" : ` on ${interfaces.join(", ")}`;
  const when = since === undefined ? "" : ` since ${since} (${ageOf(since, now)} ago)`;
  return `${node}${where}${when}`;
}

function describePool({ name, autoAssign, ranges, assigned, available }: ExplainedPool): string {
  if (ranges === undefined) {
    return name;
  }
  const asked = autoAssign === false ? ", for those alone who ask for it (autoAssign false)" : "";
  const isKnown = assigned !== undefined && available !== undefined;
  const use = isKnown ? `, ${assigned} in use and ${available} free` : "";
  return ranges.length === 0
    ? `${name}, which is gone or cannot be read`
    : `${name}: ${enumerated(ranges)}${use}${asked}`;
}

/** One text for each reason, with the nodes for which it holds. */
function whyNot(nodes: readonly ExplainedNode[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { node, reason, message } of nodes) {
    if (reason !== undefined) {
      const why = `${reason}: ${message}`;
      groups.set(why, [...(groups.get(why) ?? []), node]);
    }
  }
  return [...groups].map(([why, names]) => `${enumerated(names)}: ${why}`);
}
