import { describe, expect, test } from "vitest";
import {
  type ContainerReport,
  type ContainerState,
  type PodCondition,
  podStatus,
} from "../../../sandbox/kubelet/pod-status.ts";

const now = new Date("2026-01-02T03:04:05.678Z");
const running: ContainerState = { running: { startedAt: "2026-01-01T00:00:00Z" } };

function ended(exitCode: number): ContainerState {
  return {
    terminated: {
      exitCode,
      reason: "Error",
      startedAt: "2026-01-01T00:00:00Z",
      finishedAt: "2026-01-01T00:00:01Z",
      containerID: "x",
    },
  };
}

function container(state: ContainerState, more: Partial<ContainerReport> = {}): ContainerReport {
  return {
    container: { name: "c", image: "app" },
    state,
    lastState: undefined,
    restartCount: 0,
    started: true,
    ready: "running" in state,
    containerID: "x",
    ...more,
  };
}

function statusOf(
  containers: readonly ContainerReport[],
  options: {
    restartPolicy?: string;
    stopping?: boolean;
    before?: readonly PodCondition[];
    initContainers?: readonly ContainerReport[];
  } = {},
): { phase: string; conditions: readonly PodCondition[] } {
  const { restartPolicy = "Always", stopping = false, before = [], initContainers = [] } = options;
  const status = podStatus(
    {
      pod: { spec: { containers: [], restartPolicy } },
      facts: { hostIPs: ["192.0.2.241"], podIPs: ["10.244.1.2", "fd00::2"], nodeName: "node-1" },
      startTime: "2026-01-01T00:00:00Z",
      initContainers,
      containers,
      stopping,
    },
    before,
    now,
  );
  return status as { phase: string; conditions: readonly PodCondition[] };
}

function condition(type: string, conditions: readonly PodCondition[]): PodCondition | undefined {
  return conditions.find((it) => it.type === type);
}

describe("the phase of a Pod", () => {
  const creating = container(
    { waiting: { reason: "ContainerCreating" } },
    { containerID: undefined },
  );
  const crashing = container({ waiting: { reason: "CrashLoopBackOff" } });

  test("is Pending until every container was started once", () => {
    expect(statusOf([container(running), creating]).phase).toBe("Pending");
    expect(statusOf([container(running), crashing]).phase).toBe("Running");
  });

  test("is terminal only when nothing will be started again", () => {
    expect(statusOf([container(ended(1))]).phase).toBe("Running");
    expect(statusOf([container(ended(1))], { restartPolicy: "OnFailure" }).phase).toBe("Running");
    expect(statusOf([container(ended(1))], { restartPolicy: "Never" }).phase).toBe("Failed");
    expect(statusOf([container(ended(0))], { restartPolicy: "OnFailure" }).phase).toBe("Succeeded");
    expect(statusOf([container(ended(0))], { stopping: true }).phase).toBe("Succeeded");
  });

  test("is Failed when an init container failed for good", () => {
    const options = { restartPolicy: "Never", initContainers: [container(ended(1))] };
    expect(statusOf([creating], options).phase).toBe("Failed");
    expect(condition("Initialized", statusOf([creating], options).conditions)?.status).toBe(
      "False",
    );
  });
});

describe("the conditions of a Pod", () => {
  const unready = container(running, { ready: false });

  test("name the containers that are not ready", () => {
    expect(condition("Ready", statusOf([unready]).conditions)).toMatchObject({
      status: "False",
      message: "containers with unready status: [c]",
    });
    expect(condition("Ready", statusOf([container(running)]).conditions)?.status).toBe("True");
  });

  test("keep their time while they say the same, and leave the scheduler's alone", () => {
    const scheduled = { type: "PodScheduled", status: "True", lastTransitionTime: "then" };
    const ready = { type: "Ready", status: "True", lastTransitionTime: "then" };
    const before = [scheduled, ready];
    const same = statusOf([container(running)], { before }).conditions;
    expect(condition("PodScheduled", same)).toEqual(scheduled);
    expect(condition("Ready", same)?.lastTransitionTime).toBe("then");
    const other = statusOf([unready], { before }).conditions;
    expect(condition("Ready", other)?.lastTransitionTime).toBe("2026-01-02T03:04:05Z");
  });
});
