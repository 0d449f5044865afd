import type { V1Container, V1Pod } from "@kubernetes/client-node";
import type { PodFacts } from "./container-environment.ts";

/** Why and since when a container is what it is, as the API has it. */
export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | {
      readonly terminated: {
        readonly exitCode: number;
        readonly signal?: number;
        readonly reason: string;
        readonly startedAt: string;
        readonly finishedAt: string;
        readonly containerID: string;
      };
    };

/** What the stand-in knows of one container. */
export interface ContainerReport {
  readonly container: V1Container;
  readonly state: ContainerState;
  readonly lastState: ContainerState | undefined;
  readonly restartCount: number;
  readonly started: boolean;
  readonly ready: boolean;
  readonly containerID: string | undefined;
}

/** Everything that a Pod's status is made from. */
export interface PodReport {
  readonly pod: V1Pod;
  readonly facts: PodFacts;
  /** RFC 3339, whole seconds. */
  readonly startTime: string;
  readonly initContainers: readonly ContainerReport[];
  readonly containers: readonly ContainerReport[];
  /** True once nothing will be started any more, because the Pod is being deleted. */
  readonly stopping: boolean;
}

/** A condition as the API has it (client-node's type wants a Date for the time). */
export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** The API's form of a time: RFC 3339, whole seconds. */
export function apiTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/**
 * The status of a Pod. Conditions that say what they said in `before` keep
 * their transition time; those of others (the scheduler's) stay as they are.
 */
export function podStatus(report: PodReport, before: readonly PodCondition[], now: Date): object {
  const { facts, initContainers, containers } = report;
  const conditions = conditionsOf(report).map((condition) => {
    const previous = before.find(({ type }) => type === condition.type);
    const since = previous?.status === condition.status ? previous.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: since ?? apiTime(now) };
  });
  const foreign = before.filter(({ type }) => conditions.every((ours) => ours.type !== type));
  return {
    phase: phaseOf(report),
    conditions: [...foreign, ...conditions],
    hostIP: facts.hostIPs[0],
    hostIPs: facts.hostIPs.map((ip) => ({ ip })),
    ...(facts.podIPs.length === 0
      ? {}
      : { podIP: facts.podIPs[0], podIPs: facts.podIPs.map((ip) => ({ ip })) }),
    startTime: report.startTime,
    containerStatuses: containers.map(containerStatus),
    ...(initContainers.length === 0
      ? {}
      : { initContainerStatuses: initContainers.map(containerStatus) }),
    qosClass: report.pod.status?.qosClass ?? "BestEffort",
  };
}

function containerStatus(report: ContainerReport): object {
  const { container, state, lastState, restartCount, started, ready, containerID } = report;
  return {
    name: container.name,
    image: container.image,
    imageID: containerID === undefined ? "" : (container.image ?? ""),
    state,
    // A merge patch forgets nothing by itself.
    lastState: lastState ?? {},
    restartCount,
    started,
    ready,
    ...(containerID === undefined ? {} : { containerID }),
  };
}

function phaseOf({ pod, initContainers, containers, stopping }: PodReport): string {
  const states = containers.map(({ state }) => state);
  const policy = pod.spec?.restartPolicy ?? "Always";
  const failedInit = policy === "Never" && initContainers.some(({ state }) => hasFailed(state));
  const ended = states.every((state) => "terminated" in state);
  if (failedInit || (ended && states.some(hasFailed) && (stopping || policy === "Never"))) {
    return "Failed";
  }
  if (ended && !states.some(hasFailed) && (stopping || policy !== "Always")) {
    return "Succeeded";
  }
  const begun = containers.every(({ containerID }) => containerID !== undefined);
  return begun ? "Running" : "Pending";
}

function hasFailed(state: ContainerState): boolean {
  return "terminated" in state && state.terminated.exitCode !== 0;
}

function conditionsOf({ initContainers, containers, facts }: PodReport): readonly PodCondition[] {
  const initialized = initContainers.every(
    ({ state }) => "terminated" in state && state.terminated.exitCode === 0,
  );
  const unready = containers.filter(({ ready }) => !ready).map(({ container }) => container.name);
  const completed = containers.every(
    ({ state }) => "terminated" in state && state.terminated.exitCode === 0,
  );
  const whyNot: Omit<PodCondition, "type" | "status"> = completed
    ? { reason: "PodCompleted" }
    : {
        reason: "ContainersNotReady",
        message: `containers with unready status: [${unready.join(" ")}]`,
      };
  const ready = initialized && unready.length === 0;
  const condition = (
    type: string,
    holds: boolean,
    why: Omit<PodCondition, "type" | "status"> = {},
  ): PodCondition => (holds ? { type, status: "True" } : { type, status: "False", ...why });
  return [
    condition("PodReadyToStartContainers", facts.podIPs.length > 0),
    condition("Initialized", initialized, { reason: "ContainersNotInitialized" }),
    condition("ContainersReady", ready, whyNot),
    condition("Ready", ready, whyNot),
  ];
}
