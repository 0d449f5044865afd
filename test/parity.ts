import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { scenariosOf } from "./scenarios/scenario-file.ts";

/** Cases of MetalLB's tests that one test of ours shows, or that none does, and why. */
export interface Group {
  readonly cases: Readonly<Record<string, string>>;
  readonly test?: string;
  readonly parity?: "same";
  readonly differs?: string;
  readonly excluded?: string;
  readonly open?: string;
}

export interface Weakness {
  readonly what: string;
  readonly tests?: readonly string[];
  readonly open?: string;
}

export interface Parity {
  readonly cases: Readonly<Record<string, readonly Group[]>>;
  readonly weaknesses: Readonly<Record<string, Weakness>>;
}

/** How many cases each part of the reference has, so that none gets lost. */
export const inventory: Readonly<Record<string, number>> = {
  "3.6 What happens when": 29,
  "6.1 Assignment": 50,
  "6.1 PoolAllocation": 9,
  "6.1 Allocation": 12,
  "6.1 BuggyIPs": 2,
  "6.1 ConfigReload": 8,
  "6.1 AutoAssign": 6,
  "6.1 PoolCount": 5,
  "6.1 PoolMetrics": 11,
  "6.2 ControllerMutation": 45,
  "6.2 ControllerConfig": 6,
  "6.2 DeleteRecyclesIP": 3,
  "6.2 ControllerReassign": 3,
  "6.2 ControllerDualStackConfig": 1,
  "6.3 Parse": 95,
  "6.3 ContainsAdvertisement": 12,
  "6.3 FuzzParseCIDR": 1,
  "6.3 ServiceSelectors": 6,
  "6.3 L2AdvertisementFromCRPreferred": 5,
  "6.3 SetL2AdvertisementsToPoolsPreferred": 3,
  "6.4 Validate": 16,
  "6.4 ValidateFRR": 21,
  "6.4 Validator": 1,
  "6.4 ResetTransientErrorsFields": 4,
  "6.4 PreferredNodeScores": 8,
  "6.5 service_controller_test": 12,
  "6.5 pool_controller_test": 5,
  "6.5 config_controller_test": 7,
  "6.5 config_conversion_test": 1,
  "6.5 configuration_state_controller_test": 5,
  "6.5 node_controller_test": 8,
  "6.5 reconciliation_test": 9,
  "6.5 endpoint_slices_test": 6,
  "6.5 k8s_test": 2,
  "6.5 webhooks": 6,
  "6.5 ipfamily_test": 7,
  "6.5 tlsopt_test": 3,
  "6.6 assignment": 20,
  "6.6 loadbalancer_class": 1,
  "6.6 l2": 8,
  "6.6 webhooks": 11,
  "6.6 configurationstate": 11,
  "6.6 networkpolicies": 2,
  "L2 4.1 SpeakerListDisabled": 1,
  "L2 4.1 NodesWithEndpoint": 6,
  "L2 4.1 ShouldAnnounce by endpoints": 13,
  "L2 4.1 ShouldAnnounce by node selection": 9,
  "L2 4.1 Cluster policy sweep": 1,
  "L2 4.1 Service selectors": 4,
  "L2 4.1 Shared address and Service selectors": 5,
  "L2 4.1 Ads for a Service": 5,
  "L2 4.1 Election consistent, interfaces per node": 1,
  "L2 4.1 No ad for Service and node": 1,
  "L2 4.1 Selector filters candidates": 2,
  "L2 4.1 Interface set": 4,
  "L2 4.1 Candidate order": 7,
  "L2 4.1 Scores": 3,
  "L2 4.1 Preferred node": 2,
  "L2 4.1 Mixed ads": 1,
  "L2 4.1 Preferred failover": 3,
  "L2 4.2 Announcer": 3,
  "L2 4.2 ARP responder": 6,
  "L2 4.2 Controller": 3,
  "L2 4.2 L2 status controller": 5,
  "L2 4.2 Node predicate": 5,
  "L2 4.2 Metrics bind": 2,
  "L2 4.3 l2": 15,
  "L2 4.3 speaker_failover": 2,
  "L2 4.3 interface_selector": 6,
  "L2 4.3 node_selector": 3,
  "L2 4.3 preferred_node": 8,
  "L2 4.3 service_selector": 4,
  "L2 4.3 loadbalancer_class": 1,
  "L2 8 Lab results": 22,
};

export const weaknessCount = 19;
const scenarioFolder = "test/scenarios/allocation/";

/** The titles of all tests, as they stand in the sources: once for each test. */
export function titlesOfTests(): readonly string[] {
  const list = ["ls-files", "-co", "--exclude-standard", "test/*.test.ts", "test/**/*.test.ts"];
  const sources = [...new Set(execFileSync("git", list, { encoding: "utf8" }).split("\n"))];
  const title =
    /(?:\b(?:test|it)(?:\.(?:each|for)(?:<[^(]*>)?\(\w+\))?\(|\]\)\()\s*"((?:[^"\\]|\\.)+)"/g;
  const inSources = sources
    .filter((path) => path !== "")
    .flatMap((path) => [...readFileSync(path, "utf8").matchAll(title)].map((match) => match[1]));
  const inScenarios = readdirSync(scenarioFolder).flatMap((file) =>
    scenariosOf(file, readFileSync(scenarioFolder + file, "utf8")).map(
      (scenario) => scenario.title,
    ),
  );
  return [...inSources, ...inScenarios].flatMap((found) => found ?? []);
}

/** What is wrong with `parity`, where these tests are all that there are; empty: nothing. */
export function problemsOfParity(parity: Parity, titles: readonly string[]): readonly string[] {
  const missing = Object.keys(inventory).filter((section) => !(section in parity.cases));
  return [
    ...missing.map((section) => `${section} is missing`),
    ...Object.entries(parity.cases).flatMap(([section, groups]) =>
      [
        ...problemsOfIds(section, groups),
        ...groups.flatMap((group) => problemsOfGroup(group, titles)),
      ].map((problem) => `${section}: ${problem}`),
    ),
    ...problemsOfWeaknesses(parity.weaknesses, titles),
  ];
}

/** How many cases have this verdict. */
export function countCases({ cases }: Parity, verdict: keyof Group): number {
  return Object.values(cases)
    .flat()
    .filter((group) => group[verdict] !== undefined)
    .reduce((sum, group) => sum + Object.keys(group.cases).length, 0);
}

function problemsOfIds(section: string, groups: readonly Group[]): readonly string[] {
  const ids = groups.flatMap((group) => Object.keys(group.cases));
  const wanted = Array.from({ length: inventory[section] ?? 0 }, (_, index) => String(index + 1));
  return [
    ...wanted.filter((id) => !ids.includes(id)).map((id) => `case ${id} is missing`),
    ...ids.filter((id) => !wanted.includes(id)).map((id) => `case ${id} is none`),
    ...ids.filter((id, index) => ids.indexOf(id) < index).map((id) => `case ${id} is there twice`),
  ];
}

function problemsOfGroup(group: Group, titles: readonly string[]): readonly string[] {
  const verdicts = [group.parity, group.differs, group.excluded, group.open].filter(
    (verdict) => verdict !== undefined && verdict !== "",
  );
  const isShown = group.parity !== undefined || group.differs !== undefined;
  return [
    ...(verdicts.length === 1 ? [] : ["a group has none or several verdicts"]),
    ...(group.parity === undefined || group.parity === "same" ? [] : ["parity is same or nothing"]),
    ...(group.excluded === undefined || group.excluded === "BGP" ? [] : ["only BGP is excluded"]),
    ...(isShown === (group.test !== undefined)
      ? []
      : ["a verdict needs a test, and no other has one"]),
    ...(group.test === undefined ? [] : problemsOfTitle(group.test, titles)),
    ...Object.entries(group.cases)
      .filter(([, input]) => input.trim() === "")
      .map(([id]) => `case ${id} does not say what it is`),
  ];
}

function problemsOfWeaknesses(
  weaknesses: Parity["weaknesses"],
  titles: readonly string[],
): readonly string[] {
  const wanted = Array.from({ length: weaknessCount }, (_, index) => `W${index + 1}`);
  return [
    ...wanted.filter((id) => !(id in weaknesses)).map((id) => `${id} is missing`),
    ...Object.entries(weaknesses).flatMap(([id, { tests = [], open }]) => [
      ...(tests.length > 0 === (open === undefined) ? [] : [`${id}: tests, or why there are none`]),
      ...tests
        .flatMap((title) => problemsOfTitle(title, titles))
        .map((problem) => `${id}: ${problem}`),
    ]),
  ];
}

function problemsOfTitle(wanted: string, titles: readonly string[]): readonly string[] {
  const count = titles.filter((title) => title === wanted).length;
  return count === 1
    ? []
    : [`${count === 0 ? "no test is" : "several tests are"} named "${wanted}"`];
}
