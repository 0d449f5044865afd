import { arch, release } from "node:os";
import { systemClock } from "../../src/runtime/clock.ts";
import { type ApiClient, ApiError } from "./api-client.ts";
import { apiTime } from "./pod-status.ts";

/** A node as the cluster is to see it. */
export interface NodeIdentity {
  readonly name: string;
  readonly internalIPs: readonly string[];
  readonly podCIDRs: readonly string[];
  readonly kubernetesVersion: string;
}

const leaseSeconds = 40;
const renewMs = 3_000;
const statusMs = 10_000;
const retryMs = 200;

/** What a kubelet says in the condition Ready once systemd has told it (nodeshutdown_manager_linux.go). */
const shutdownMessage = "node is shutting down";

/** Whether a node is ready, and since when. */
interface Readiness {
  readonly since: Date;
  readonly shuttingDown: boolean;
}

/**
 * Registers the node, then keeps its Lease and status fresh until `signal`
 * aborts. Once `shutdown` aborts the status says at once that the node is
 * shutting down. Never rejects: what fails is told to `log` and tried again.
 */
export async function keepNode(
  api: ApiClient,
  node: NodeIdentity,
  { signal, shutdown }: { readonly signal: AbortSignal; readonly shutdown: AbortSignal },
  log: (line: string) => void,
): Promise<void> {
  let readiness: Readiness = { since: systemClock.wallTime(), shuttingDown: false };
  const uid = await untilDone(() => registerNode(api, node, readiness), signal, log);
  if (uid === undefined) {
    return;
  }
  const tell = (): Promise<void> => patchStatus(api, node, readiness);
  const shutDown = (): void => {
    readiness = { since: systemClock.wallTime(), shuttingDown: true };
    void untilDone(tell, signal, log);
  };
  shutdown.addEventListener("abort", shutDown, { once: true });
  await Promise.all([
    repeat(renewMs, () => renewLease(api, node.name, uid), signal, log),
    // The first status went with the registration.
    systemClock.sleep(statusMs, signal).then(() => repeat(statusMs, tell, signal, log)),
  ]);
}

interface StoredObject {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
}

async function registerNode(
  api: ApiClient,
  node: NodeIdentity,
  readiness: Readiness,
): Promise<string> {
  const metadata = {
    name: node.name,
    labels: {
      "kubernetes.io/hostname": node.name,
      "kubernetes.io/os": "linux",
      "kubernetes.io/arch": architecture(),
    },
  };
  const spec = { podCIDR: node.podCIDRs[0], podCIDRs: node.podCIDRs };
  const body = { apiVersion: "v1", kind: "Node", metadata, spec };
  try {
    const status = nodeStatus(node, readiness);
    const created = await api.create<StoredObject>("/api/v1/nodes", { ...body, status });
    return created.metadata.uid;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) {
      throw error;
    }
  }
  const known = await api.patch<StoredObject>(`/api/v1/nodes/${node.name}`, "merge", {
    metadata: { labels: metadata.labels },
  });
  await patchStatus(api, node, readiness);
  return known.metadata.uid;
}

async function patchStatus(
  api: ApiClient,
  node: NodeIdentity,
  readiness: Readiness,
): Promise<void> {
  const status = nodeStatus(node, readiness);
  // Merged by type, the two InternalIPs would be one.
  const addresses = [...status.addresses, { $patch: "replace" }];
  await api.patch(`/api/v1/nodes/${node.name}/status`, "strategic-merge", {
    status: { ...status, addresses },
  });
}

interface NodeStatus {
  readonly addresses: readonly object[];
}

function nodeStatus(node: NodeIdentity, { since, shuttingDown }: Readiness): NodeStatus {
  const condition = (
    type: string,
    status: string,
    reason: string,
    message = "the sandbox's stand-in for a kubelet",
  ): object => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: apiTime(systemClock.wallTime()),
    lastTransitionTime: apiTime(since),
  });
  const ready = shuttingDown
    ? condition("Ready", "False", "KubeletNotReady", shutdownMessage)
    : condition("Ready", "True", "KubeletReady");
  // Made up, and plenty: a request in a manifest never keeps a Pod from being scheduled.
  const resources = { cpu: "64", memory: "256Gi", "ephemeral-storage": "1Ti", pods: "250" };
  const status = {
    addresses: [
      ...node.internalIPs.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: node.name },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: [
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID"),
      ready,
    ],
    nodeInfo: {
      machineID: node.name,
      systemUUID: node.name,
      bootID: apiTime(since),
      kernelVersion: release(),
      osImage: "Steelyard sandbox",
      containerRuntimeVersion: "steelyard-sandbox://1",
      kubeletVersion: node.kubernetesVersion,
      kubeProxyVersion: node.kubernetesVersion,
      operatingSystem: "linux",
      architecture: architecture(),
    },
  };
  return status;
}

async function renewLease(api: ApiClient, nodeName: string, nodeUid: string): Promise<void> {
  const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  const spec = {
    holderIdentity: nodeName,
    leaseDurationSeconds: leaseSeconds,
    renewTime: systemClock.wallTime().toISOString().replace("Z", "000Z"),
  };
  try {
    await api.patch(`${leases}/${nodeName}`, "merge", { spec });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) {
      throw error;
    }
    const owner = { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeUid };
    await api.create(leases, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        name: nodeName,
        namespace: "kube-node-lease",
        ownerReferences: [owner],
      },
      spec,
    });
  }
}

function architecture(): string {
  return arch() === "x64" ? "amd64" : arch();
}

async function repeat(
  periodMs: number,
  act: () => Promise<void>,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    await untilDone(act, signal, log);
    await systemClock.sleep(periodMs, signal);
  }
}

async function untilDone<T>(
  act: () => Promise<T>,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<T | undefined> {
  let told = false;
  while (!signal.aborted) {
    try {
      return await act();
    } catch (error) {
      if (!told && !signal.aborted) {
        log(`${String(error)}; trying again`);
        told = true;
      }
      await systemClock.sleep(retryMs, signal);
    }
  }
  return undefined;
}
