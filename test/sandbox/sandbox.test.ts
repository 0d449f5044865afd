import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { systemClock } from "../../src/runtime/clock.ts";

const server = `
const { createServer } = require("node:http");
createServer((_, response) => response.end("hello from " + process.env.NODE)).listen(8080, "::");`;

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  replicas: 2
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      containers:
        - name: hello
          image: hello:1
          env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
          readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {app: hello}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
`;

let sandbox: Sandbox;

beforeAll(async () => {
  const images = new Map([["hello", [process.execPath, "-e", server]]]);
  sandbox = await startSandbox({ nodes: 2, clients: 1, images });
}, 120_000);

afterAll(async () => {
  await sandbox?.stop();
});

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) {
    throw new Error(`there is no number ${index}`);
  }
  return found;
}

async function kubectl(args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await sandbox.kubectl(args, { input });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

/** Asks until the answer is right; how long that takes is not this test's business. */
async function eventually(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) {
    await systemClock.sleep(50);
  }
}

describe("a sandbox", { timeout: 60_000 }, () => {
  test("has nodes that are ready, with their LAN addresses only", async () => {
    const path =
      '{range .items[*]}{.metadata.name} {.status.addresses[?(@.type=="InternalIP")].address}{"\\n"}{end}';
    expect(await kubectl(["get", "nodes", "-o", `jsonpath=${path}`])).toBe(
      "node-1 192.0.2.241 2001:db8:0:2::241\nnode-2 192.0.2.242 2001:db8:0:2::242\n",
    );
    expect(sandbox.version).toMatch(/^1\.\d+\.\d+$/);
  });

  test("serves a Deployment through a NodePort to a client, in both families", async () => {
    await kubectl(["apply", "-f", "-"], manifest);
    await kubectl(["rollout", "status", "deployment/hello", "--timeout=60s"]);
    const client = at(sandbox.clients, 0);
    for (const { ip, ipv6 } of sandbox.nodes) {
      for (const url of [`http://${ip}:30080/`, `http://[${ipv6}]:30080/`]) {
        await eventually(async () => (await client.curl(url)).ok);
        expect(await client.curl(url)).toMatchObject({
          ok: true,
          status: 200,
          body: expect.stringMatching(/^hello from node-[12]$/),
        });
      }
    }
  });

  test("gives host-network processes and pods the API at its Service address", async () => {
    const url = "https://10.96.0.1/version";
    const node = at(sandbox.nodes, 1);
    const { stdout } = await node.exec(["curl", "--silent", "--insecure", url]);
    expect(stdout).toContain("gitVersion");
  });

  test("tells every write to the API with its author", async () => {
    await kubectl(["create", "configmap", "written"]);
    const entries = await sandbox.audit();
    expect(entries.filter(({ name }) => name === "written")).toMatchObject([
      { verb: "create", user: "kubernetes-admin", resource: "configmaps", code: 201 },
    ]);
    expect(entries.some(({ user }) => user === "system:node:node-1")).toBe(true);
  });

  test("captures what is on the LAN, byte by byte", async () => {
    const client = at(sandbox.clients, 0);
    const node = at(sandbox.nodes, 1);
    await client.exec(["ip", "neighbour", "flush", "dev", "eth0"]);
    const capture = await sandbox.lan.capture();
    await client.exec(["ping", "-c", "1", node.ip]);
    const reply = await capture.find(
      ({ arp }) => arp?.operation === "reply" && arp.senderIp === node.ip,
      5_000,
    );
    await capture.stop();
    expect(reply?.arp).toEqual({
      operation: "reply",
      ethernetSource: node.mac,
      ethernetDestination: client.mac,
      senderMac: node.mac,
      senderIp: node.ip,
      targetMac: client.mac,
      targetIp: client.ip,
      gratuitous: false,
    });
    expect(await capture.find(() => false, 5_000)).toBeUndefined();
  });

  test("refuses a capture filter that tcpdump does not know", async () => {
    await expect(sandbox.lan.capture({ filter: "nonsense here" })).rejects.toThrow(/tcpdump ended/);
  });

  test.each(["switch", "node"] as const)(
    "takes a node off the LAN at the %s and leaves it the API",
    async (where) => {
      const client = at(sandbox.clients, 0);
      const node = at(sandbox.nodes, 0);
      await node.unplug(where);
      const { stdout } = await node.exec(["cat", "/proc/net/route"]);
      expect(stdout).toContain("eth1");
      expect(
        await client.curl(`http://${node.ip}:10256/healthz`, { timeoutMs: 300 }),
      ).toMatchObject({
        ok: false,
        status: 0,
      });
      const api = ["curl", "--silent", "--insecure", "https://10.96.0.1/version"];
      expect((await node.exec(api)).stdout).toContain("gitVersion");
      await node.plug();
      await eventually(async () => (await client.curl(`http://${node.ip}:10256/healthz`)).ok);
      await eventually(async () => (await client.curl(`http://[${node.ipv6}]:10256/healthz`)).ok);
    },
  );

  test("has an API server that can hang, stop and come back", async () => {
    const hang = sandbox.apiserver.pause(500);
    const late = kubectl(["get", "namespaces"]);
    await Promise.all([hang, late]);
    await sandbox.apiserver.stop();
    expect((await sandbox.kubectl(["get", "namespaces"])).code).toBe(1);
    await sandbox.apiserver.start();
    await kubectl(["get", "namespaces"]);
  });

  test("powers a node off without a goodbye, and on again with an empty kernel", async () => {
    const client = at(sandbox.clients, 0);
    const node = at(sandbox.nodes, 1);
    await node.exec(["ip", "address", "add", "192.0.2.7/32", "dev", "lo"]);
    const before = (await sandbox.audit()).length;
    await node.powerOff();
    const written = (await sandbox.audit()).slice(before);
    expect(written.filter(({ user }) => user === "system:node:node-2")).toEqual([]);
    expect((await client.curl(`http://${node.ip}:30080/`, { timeoutMs: 300 })).ok).toBe(false);
    expect((await node.exec(["ip", "-brief", "link", "show", "eth0"])).stdout).toContain(
      "NO-CARRIER",
    );
    await node.powerOn();
    expect((await node.exec(["ip", "address"])).stdout).not.toContain("192.0.2.7");
    await eventually(async () => (await client.curl(`http://${node.ip}:30080/`)).ok);
  });

  test("says so when no speaker runs on a node", async () => {
    await expect(sandbox.speaker(at(sandbox.nodes, 0))).rejects.toThrow(
      "no speaker runs on node-1",
    );
  });

  test("is the only one in its wrapper", async () => {
    await expect(startSandbox()).rejects.toThrow(/has a sandbox in this wrapper already/);
  });

  test.each([
    [{ nodes: 0 }, "1 to 9 nodes, not 0"],
    [{ clients: 4 }, "0 to 3 clients, not 4"],
  ])("has room for %o only as the address plan has it", async (options, words) => {
    await expect(startSandbox(options)).rejects.toThrow(words);
  });
});
