import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { onlyRootIsMapped } from "../../sandbox/wrapper.ts";
import { systemClock } from "../../src/runtime/clock.ts";

/** The first container of a Pod whose image is a shell: its command is the script. */
type Container = Omit<Partial<V1PodSpec["containers"][number]>, "name" | "args">;

let sandbox: Sandbox;
let pods = 0;

beforeAll(async () => {
  const images = new Map([["shell", ["sh", "-c"]]]);
  sandbox = await startSandbox({ nodes: 1, clients: 0, images });
}, 120_000);

afterAll(async () => {
  await sandbox?.stop();
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.kubectl(args);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

async function create(object: object): Promise<void> {
  const { code, stderr } = await sandbox.kubectl(["create", "-f", "-"], {
    input: JSON.stringify(object),
  });
  expect(stderr).toBe("");
  expect(code).toBe(0);
}

/** Creates a Pod of one container that runs `script`; returns its name. */
async function createPod(
  script: string,
  container: Container = {},
  spec: Partial<V1PodSpec> = {},
): Promise<string> {
  const name = `pod-${++pods}`;
  await create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 30,
      ...spec,
      containers: [{ name: "shell", image: "shell:v1", args: [script], ...container }],
    },
  });
  return name;
}

async function getPod(name: string): Promise<V1Pod> {
  return JSON.parse(await kubectl("get", "pod", name, "-o", "json")) as V1Pod;
}

/** Asks until the answer is right; how long that takes is not these tests' business. */
async function eventually<T>(ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    await systemClock.sleep(50);
  }
}

function podWhen(name: string, holds: (pod: V1Pod) => boolean): Promise<V1Pod> {
  return eventually(async () => {
    const pod = await getPod(name);
    return holds(pod) ? pod : undefined;
  });
}

function statusOf(pod: V1Pod) {
  return pod.status?.containerStatuses?.[0];
}

function isReady(pod: V1Pod): boolean {
  return pod.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

function readLog(name: string): string {
  const logs = join(sandbox.logs, "..", "nodes", "node-1", "logs");
  const path = join(logs, `default_${name}_shell.log`);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function logWhen(name: string, isComplete: (log: string) => boolean): Promise<string> {
  return eventually(() => {
    const log = readLog(name);
    return isComplete(log) ? log : undefined;
  });
}

function processOf(name: string): Promise<number> {
  return eventually(() => sandbox.nodes[0]?.podProcess("default", name)?.pid);
}

const sleeping = "exec sleep 3600";
const tellCredentials = `grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|CapBnd|NoNewPrivs)' /proc/self/status; echo told; ${sleeping}`;

async function credentialsOf(securityContext: object): Promise<Record<string, string>> {
  const name = await createPod(tellCredentials, { securityContext });
  await podWhen(name, isReady);
  const log = await logWhen(name, (text) => text.includes("told"));
  const lines = log.split("\n").filter((line) => line.includes("\t"));
  return Object.fromEntries(lines.map((line) => [line.split(":")[0], line.split(/[:\t]+/)[1]]));
}

const none = "0000000000000000";
const netRaw = "0000000000002000";

describe("a Pod's process", { timeout: 60_000 }, () => {
  test("as root without capabilities but NET_RAW has really only that", async () => {
    const securityContext = {
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
    };
    expect(await credentialsOf(securityContext)).toMatchObject({
      Uid: "0",
      CapPrm: netRaw,
      CapEff: netRaw,
      CapBnd: netRaw,
      NoNewPrivs: "1",
    });
  });

  test("as another user has no capability at all", async () => {
    const mapped = (id: string): string => (onlyRootIsMapped() ? "0" : id);
    const securityContext = { runAsUser: 65_532, runAsGroup: 65_533, runAsNonRoot: true };
    expect(await credentialsOf(securityContext)).toMatchObject({
      Uid: mapped("65532"),
      Gid: mapped("65533"),
      CapPrm: none,
      CapEff: none,
      NoNewPrivs: "0",
    });
  });

  test("lives in a network namespace of its own, with an address of each family", async () => {
    const script = `ip -oneline address show dev eth0 scope global; echo told; ${sleeping}`;
    const name = await createPod(script);
    const pod = await podWhen(name, isReady);
    const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
    expect(ips).toEqual([
      expect.stringMatching(/^10\.244\.1\.\d+$/),
      expect.stringMatching(/^fd00:10:244:1::/),
    ]);
    const log = await logWhen(name, (text) => text.includes("told"));
    for (const ip of ips) {
      expect(log).toContain(` ${ip}/`);
    }
  });

  test("of a host-network Pod is in the node's, with the node's addresses", async () => {
    const name = await createPod(
      `ip -oneline address show dev eth0; echo told; ${sleeping}`,
      {},
      { hostNetwork: true },
    );
    const pod = await podWhen(name, isReady);
    const node = sandbox.nodes[0];
    expect(pod.status?.podIPs).toEqual([{ ip: node?.ip }, { ip: node?.ipv6 }]);
    expect(await logWhen(name, (text) => text.includes("told"))).toContain(` ${node?.ip}/`);
  });

  test("has a token that is bound to the Pod", async () => {
    const name = await createPod(sleeping);
    const { metadata } = await podWhen(name, isReady);
    const secrets = `/proc/${await processOf(name)}/root/run/secrets/kubernetes.io/serviceaccount`;
    const token = readFileSync(`${secrets}/token`, "utf8");
    const claims = JSON.parse(
      Buffer.from(token.split(".")[1] ?? "", "base64url").toString(),
    ) as Record<string, unknown>;
    expect(claims).toMatchObject({
      sub: "system:serviceaccount:default:default",
      "kubernetes.io": { pod: { name, uid: metadata?.uid }, node: { name: "node-1" } },
    });
    expect(readFileSync(`${secrets}/ca.crt`, "utf8")).toContain("BEGIN CERTIFICATE");
    expect(readFileSync(`${secrets}/namespace`, "utf8")).toBe("default");
    expect(existsSync("/run/secrets")).toBe(false);
  });

  test("sees its volumes where it wants them, and the machine does not", async () => {
    await create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "settings" },
      data: { "a.conf": "hello" },
    });
    const script = `cat /etc/steelyard-test/a.conf; echo written > /tmp/x && cat /tmp/x; echo told; ${sleeping}`;
    const name = await createPod(
      script,
      {
        volumeMounts: [
          { name: "settings", mountPath: "/etc/steelyard-test", readOnly: true },
          { name: "scratch", mountPath: "/tmp" },
        ],
      },
      {
        volumes: [
          { name: "settings", configMap: { name: "settings" } },
          { name: "scratch", emptyDir: {} },
        ],
      },
    );
    expect(await logWhen(name, (text) => text.includes("told"))).toBe("hellowritten\ntold\n");
    expect(existsSync("/etc/steelyard-test")).toBe(false);
    expect(existsSync("/tmp/x")).toBe(false);
  });
});

describe("a Pod", { timeout: 60_000 }, () => {
  test("with a volume that the sandbox does not have waits and says so", async () => {
    const name = await createPod(
      sleeping,
      {},
      { volumes: [{ name: "far", nfs: { server: "192.0.2.1", path: "/" } }] },
    );
    const pod = await podWhen(name, (it) => statusOf(it)?.state?.waiting?.message !== undefined);
    expect(pod.status?.phase).toBe("Pending");
    expect(statusOf(pod)?.state?.waiting?.message).toBe(
      "volume far: the sandbox has no volumes of kind nfs",
    );
  });

  test("with an image that the sandbox does not have waits and says so", async () => {
    const name = await createPod(sleeping, { image: "registry:5000/other:v1" });
    const pod = await podWhen(name, (it) => statusOf(it)?.state?.waiting?.message !== undefined);
    expect(statusOf(pod)?.state?.waiting?.message).toContain('"registry:5000/other" is none of');
  });

  test("whose process is killed gets a new one, counted", async () => {
    const name = await createPod(sleeping);
    await podWhen(name, isReady);
    const first = await processOf(name);
    process.kill(first, "SIGKILL");
    const pod = await podWhen(name, (it) => isReady(it) && statusOf(it)?.restartCount === 1);
    expect(statusOf(pod)?.lastState?.terminated).toMatchObject({ exitCode: 137, signal: 9 });
    expect(await processOf(name)).not.toBe(first);
  });

  test("that keeps crashing is held back longer and longer", async () => {
    const name = await createPod("exit 3");
    const pod = await podWhen(
      name,
      (it) => statusOf(it)?.state?.waiting?.reason === "CrashLoopBackOff",
    );
    expect(pod.status?.phase).toBe("Running");
    expect(statusOf(pod)?.lastState?.terminated?.exitCode).toBe(3);
  });

  test("is not ready before its probe succeeds, and not any more when it fails", async () => {
    const name = await createPod(
      sleeping,
      {
        readinessProbe: {
          exec: { command: ["test", "-e", "/tmp/ready"] },
          periodSeconds: 1,
          failureThreshold: 1,
        },
        volumeMounts: [{ name: "scratch", mountPath: "/tmp" }],
      },
      { volumes: [{ name: "scratch", emptyDir: {} }] },
    );
    expect(isReady(await podWhen(name, (it) => it.status?.phase === "Running"))).toBe(false);
    const target = ["nsenter", `--target=${await processOf(name)}`, "--mount"];
    const node = sandbox.nodes[0];
    await node?.exec([...target, "touch", "/tmp/ready"]);
    await podWhen(name, isReady);
    await node?.exec([...target, "rm", "/tmp/ready"]);
    await podWhen(name, (it) => !isReady(it));
  });

  test("is asked over HTTP on the node's loopback where its probe says so", async () => {
    const server = `require("node:http").createServer((q, r) => r.end()).listen(8080, "127.0.0.1")`;
    const probe = { httpGet: { host: "127.0.0.1", port: 8080, path: "/" }, periodSeconds: 1 };
    const command = [process.execPath, "-e", server];
    const name = await createPod(
      "",
      { command, readinessProbe: probe, livenessProbe: probe, securityContext: { runAsUser: 7 } },
      { hostNetwork: true },
    );
    expect(statusOf(await podWhen(name, isReady))?.restartCount).toBe(0);
  });

  test("that fails its liveness probe is started again", async () => {
    const name = await createPod(sleeping, {
      livenessProbe: { tcpSocket: { port: 1 }, periodSeconds: 1, failureThreshold: 1 },
    });
    const pod = await podWhen(name, (it) => (statusOf(it)?.restartCount ?? 0) > 0);
    expect(statusOf(pod)?.lastState?.terminated).toMatchObject({ signal: 15 });
  });

  test("whose readiness somebody else denies says it again", async () => {
    const name = await createPod(sleeping);
    await podWhen(name, isReady);
    const denial = JSON.stringify({ status: { conditions: [{ type: "Ready", status: "False" }] } });
    await kubectl("patch", "pod", name, "--subresource=status", "-p", denial);
    await podWhen(name, isReady);
  });

  test("that is deleted may say goodbye, and is gone with its process", async () => {
    const script = `trap 'echo goodbye; exit 0' TERM; echo up; while :; do sleep 0.1; done`;
    const name = await createPod(script);
    await logWhen(name, (text) => text.includes("up"));
    const pid = await processOf(name);
    await kubectl("delete", "pod", name, "--wait=true");
    expect(readLog(name)).toBe("up\ngoodbye\n");
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(await kubectl("get", "pods", "-o", "name")).not.toContain(`pod/${name}\n`);
  });

  test("that does not listen is killed after its grace period", async () => {
    const script = `trap '' TERM; echo up; while :; do sleep 0.1; done`;
    const name = await createPod(script, {}, { terminationGracePeriodSeconds: 1 });
    await logWhen(name, (text) => text.includes("up"));
    const pid = await processOf(name);
    await kubectl("delete", "pod", name, "--wait=true");
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test("that runs to its end after its init containers has succeeded", async () => {
    const init = { name: "first", image: "shell", args: ["echo first"] };
    const name = await createPod(
      "echo second",
      {},
      { restartPolicy: "Never", initContainers: [init] },
    );
    const pod = await podWhen(name, (it) => it.status?.phase === "Succeeded");
    expect(pod.status?.initContainerStatuses?.[0]?.state?.terminated?.reason).toBe("Completed");
    expect(readLog(name)).toBe("second\n");
  });
});

describe("a node", { timeout: 60_000 }, () => {
  test("keeps its Lease", async () => {
    const path = ["get", "lease", "node-1", "-n", "kube-node-lease", "-o"];
    const renewed = (): Promise<string> => kubectl(...path, "jsonpath={.spec.renewTime}");
    const first = await renewed();
    await eventually(async () => ((await renewed()) > first ? true : undefined));
    expect(await kubectl(...path, "jsonpath={.spec.holderIdentity}")).toBe("node-1");
  });

  test("without power has no process any more, and tells nobody", async () => {
    const name = await createPod(sleeping);
    await podWhen(name, isReady);
    const pid = await processOf(name);
    const node = sandbox.nodes[0];
    const killed = node?.kill();
    expect(node?.podProcess("default", name)).toBeUndefined();
    await killed;
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(isReady(await getPod(name))).toBe(true);
  });
});
