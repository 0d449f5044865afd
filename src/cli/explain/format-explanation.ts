import { enumerated } from "../../core/model/enumerated.ts";
import { ageOf } from "../print/age.ts";
import { paragraphs, wrapped } from "../print/wrapped.ts";
import type {
  ExplainedAddress,
  ExplainedAnnouncer,
  ExplainedCondition,
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
  const { service, conditions, addresses, changes, unread } = explanation;
  const kind = [
    service.type,
    ...(service.loadBalancerClass === undefined ? [] : [`class ${service.loadBalancerClass}`]),
    ...(service.externalTrafficPolicy === undefined
      ? []
      : [`externalTrafficPolicy ${service.externalTrafficPolicy}`]),
  ];
  const troubles = conditions.filter(
    ({ status, reason }) => status !== "True" || !goodReasons.includes(reason),
  );
  const events = changes.flatMap(({ at, reason, message, count }) => {
    const times = count > 1 ? ` (${count} times)` : "";
    return wrapped(labelled(`${ageOf(at, now)} ago`), `${reason}: ${message}${times}`, width);
  });
  return paragraphs([
    wrapped("", `Service ${service.namespace}/${service.name} (${kind.join(", ")})`, width),
    troubles.flatMap((condition) => formatCondition(condition, now, width)),
    conditions.length + addresses.length === 0 ? notLookedAt(service.type, width) : [],
    ...addresses.map((address, index) => formatAddress(address, addresses[index - 1], now, width)),
    events.length === 0 ? [] : ["Last changes", ...events],
    unread.flatMap((line) => wrapped("! ", line, width)),
  ]);
}

function labelled(label: string): string {
  return `  ${label}`.padEnd(labelWidth);
}

function notLookedAt(type: string, width: number): readonly string[] {
  const text =
    type === "LoadBalancer"
      ? "Steelyard has not looked at it yet: no controller leads (steelyard status), or it has another loadBalancerClass"
      : "Only Services of type LoadBalancer get an address";
  return wrapped("", text, width);
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
  const moved =
    announcer?.from === undefined ? [] : [`from ${announcer.from}: ${announcer.reason}`];
  const common = commonRows(address);
  const isRepeated =
    before !== undefined && JSON.stringify(commonRows(before)) === JSON.stringify(common);
  const rows: Rows = [
    ...moved.map((text) => ["moved", text] as const),
    ...(holders.length === 0 ? [] : [["held by", enumerated(holders)] as const]),
    ...(isRepeated ? [["the rest", `as for ${before.address}`] as const] : common),
  ];
  return [
    ...wrapped(`${address.address}  `, headline(address, now), width),
    ...rows.flatMap(([label, text]) => wrapped(labelled(label), text, width)),
  ];
}

/** What mostly is the same for all addresses of a Service. */
function commonRows(address: ExplainedAddress): Rows {
  const { pool, policies, demands, advertisements, bundle, next, nodes } = address;
  const home = bundle === undefined ? "" : `; L2Bundle ${bundle}`;
  return [
    ...(pool === undefined ? [] : [["pool", describePool(pool)] as const]),
    [
      "policy",
      policies.length === 0
        ? "no AddressPolicy: as open as MetalLB"
        : `${policies.join(", ")}: ${demands.join("; ")}`,
    ],
    [
      "advertised",
      advertisements.length === 0
        ? "by no L2Advertisement"
        : `by L2Advertisement ${advertisements.join(", ")}${home}`,
    ],
    ["next", next.length === 0 ? "nobody" : next.join(", ")],
    ...whyNot(nodes).map((text, index) => [index === 0 ? "why not" : "", text] as const),
  ];
}

function headline(address: ExplainedAddress, now: Date): string {
  const { announced, announcer, reason, message } = address;
  if (announced === "True" && announcer !== undefined) {
    return `announced by ${describeAnnouncer(announcer, now)}`;
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

function describePool({ name, ranges, assigned, available }: ExplainedPool): string {
  if (ranges === undefined) {
    return name;
  }
  const isKnown = assigned !== undefined && available !== undefined;
  const use = isKnown ? `, ${assigned} in use and ${available} free` : "";
  return ranges.length === 0
    ? `${name}, which is gone or cannot be read`
    : `${name}: ${enumerated(ranges)}${use}`;
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
