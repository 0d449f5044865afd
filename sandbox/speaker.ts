import type { V1PodList } from "@kubernetes/client-node";
import { systemClock } from "../src/runtime/clock.ts";
import type { ApiClient } from "./kubelet/api-client.ts";
import type { SandboxNode } from "./node.ts";

const labels = encodeURIComponent("app.kubernetes.io/component=speaker");

/** The Steelyard speaker's process on one node. */
export class SpeakerProcess {
  readonly pid: number;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** Kills the process without goodbye; the kubelet stand-in starts it again. */
  kill(): void {
    process.kill(this.pid, "SIGKILL");
  }

  /** Stops the process's execution for a while. */
  async pause(ms: number): Promise<void> {
    process.kill(this.pid, "SIGSTOP");
    await systemClock.sleep(ms);
    process.kill(this.pid, "SIGCONT");
  }
}

/** Finds the speaker that runs on a node now, by its pod's label. Throws when there is none. */
export async function findSpeaker(api: ApiClient, node: SandboxNode): Promise<SpeakerProcess> {
  const fields = encodeURIComponent(`spec.nodeName=${node.name}`);
  const pods = await api.get<V1PodList>(
    `/api/v1/pods?labelSelector=${labels}&fieldSelector=${fields}`,
  );
  for (const { metadata } of pods.items) {
    const found = node.podProcess(metadata?.namespace ?? "", metadata?.name ?? "");
    if (found !== undefined) {
      return new SpeakerProcess(found.pid);
    }
  }
  throw new Error(`no speaker runs on ${node.name}`);
}
