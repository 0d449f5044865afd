import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inNetns } from "../../../sandbox/command.ts";
import { type Sandbox, startSandbox } from "../../../sandbox/sandbox.ts";
import * as resources from "../../../src/kube/resources.ts";
import { ClusterApi, pods } from "../../e2e/cluster-api.ts";
import { addressesOf, conditionOf } from "../../e2e/cluster-objects.ts";
import { answererOf, decided, eventually, kubectl } from "../../e2e/installed-cluster.ts";
import { writeTokenKubeconfig } from "../../e2e/token-kubeconfig.ts";

const system = "steelyard-system";
const manifest = fileURLToPath(new URL("../../../deploy/steelyard.yaml", import.meta.url));
const command = fileURLToPath(new URL("../../../dist/steelyard.js", import.meta.url));
const lbClass = "example.com/steelyard";

let sandbox: Sandbox;
let api: ClusterApi;
let directory: string;

/** The manifest's namespaces, accounts and CRDs, and none of its Pods. */
beforeAll(async () => {
  sandbox = await startSandbox({ nodes: 2, clients: 1 });
  api = await ClusterApi.open(sandbox.kubeconfigPath);
  directory = await mkdtemp(join(tmpdir(), "steelyard-outside-"));
  const documents = (await readFile(manifest, "utf8")).split(/^---$/m);
  const kept = documents.filter((text) => !/^kind: (Deployment|DaemonSet)$/m.test(text));
  const { code, stderr } = await sandbox.kubectl(["apply", "-f", "-"], {
    input: kept.join("---\n"),
  });
  expect(stderr).toBe("");
  expect(code).toBe(0);
});

afterAll(async () => {
  await Promise.all(running.map((one) => one.end()));
  await api?.close();
  await sandbox?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A process of `steelyard` that no kubelet started. */
class Outside {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  output = "";

  constructor(argv: readonly string[]) {
    const [program = "", ...args] = argv;
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#ended = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
  }

  /** Asks it to end, and resolves to its exit code. */
  async end(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return await this.ended();
  }

  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }
}

const running: Outside[] = [];

function steelyard(args: readonly string[], netns?: string): Outside {
  const argv = [process.execPath, command, ...args];
  const started = new Outside(netns === undefined ? argv : inNetns(netns, argv));
  running.push(started);
  return started;
}

/** A kubeconfig with a token of the service account, bound to a Pod if one is given. */
async function kubeconfigOf(account: string, pod?: V1Pod): Promise<string> {
  const { name = "", uid = "" } = pod?.metadata ?? {};
  const bound = [
    "--bound-object-kind=Pod",
    `--bound-object-name=${name}`,
    `--bound-object-uid=${uid}`,
  ];
  const token = await kubectl(sandbox, [
    ...["create", "token", account, "--namespace", system],
    ...(pod === undefined ? [] : bound),
  ]);
  return await writeTokenKubeconfig(sandbox, directory, `${account}-${name}`, token);
}

/** A Pod of the speaker's account, as the token's owner; what it runs does not matter. */
async function holderPod(node: string): Promise<V1Pod> {
  const metadata = { name: `holder-${node}`, namespace: system };
  const spec = {
    nodeName: node,
    serviceAccountName: "steelyard-speaker",
    containers: [{ name: "holder", image: "my-example-app:1" }],
  };
  return await api.create<V1Pod>(pods, { metadata, ...{ spec } });
}

describe("outside the cluster", () => {
  const client = (): Sandbox["clients"][number] => sandbox.clients[0] as Sandbox["clients"][number];
  let controller: Outside;
  let speaker: Outside;

  test("a controller serves the Services of its class, without a default advertisement", async () => {
    const kubeconfig = await kubeconfigOf("steelyard-controller");
    controller = steelyard([
      ...["controller", "--kubeconfig", kubeconfig, "--namespace", system],
      ...["--config-namespace", "metallb-system", "--pod-name", "outside-0"],
      ...["--lb-class", lbClass, "--no-default-advertisement", "--health-probe-port", "0"],
    ]);
    await api.createPool("production", ["192.0.2.0/24"]);
    await api.createService({ name: "plain" });
    await api.createService({ name: "classed", spec: { loadBalancerClass: lbClass } });
    const service = await decided(api, "True", "classed");
    expect(addressesOf(service)).toHaveLength(1);
    await eventually("Announced=False", async () => {
      const now = await api.service("classed");
      return conditionOf(now, "Announced")?.reason === "NoAdvertisement";
    });
    expect(await api.list(resources.l2Advertisements)).toEqual([]);
    expect((await api.service("plain"))?.status?.conditions).toBeUndefined();
  });

  test("a speaker announces from the node that it is told, with a token bound to a Pod there", async () => {
    const pod = await holderPod("node-2");
    const kubeconfig = await kubeconfigOf("steelyard-speaker", pod);
    speaker = steelyard(
      [
        ...["speaker", "--kubeconfig", kubeconfig, "--namespace", system],
        ...["--node-name", "node-2", "--pod-name", pod.metadata?.name ?? ""],
      ],
      "node-2",
    );
    await api.createAdvertisement("all", {});
    const service = await eventually("Announced=True", async () => {
      const now = await api.service("classed");
      return conditionOf(now, "Announced")?.status === "True" && now;
    });
    const [address = ""] = addressesOf(service);
    expect(conditionOf(service, "Announced")?.message).toBe(`${address} by node-2`);
    const answerer = await answererOf({ sandbox, client: client() }, address);
    expect(answerer?.name).toBe("node-2");
    const lease = await api.get<{ spec: { holderIdentity: string } }>(
      resources.leases,
      "steelyard-speaker-node-2",
      system,
    );
    expect(lease?.spec.holderIdentity).toBe("holder-node-2");
  });

  test("both end with 0 when asked to", async () => {
    expect(await speaker.end(), speaker.output).toBe(0);
    expect(await controller.end(), controller.output).toBe(0);
  });

  test.each([
    [["controller", "--pod-name", "x"], "not in a Pod: give --namespace"],
    [["controller", "--pod-name", "x", "--namespace", "y"], "--kubeconfig"],
    [["controller", "--namespace", "y"], "--pod-name"],
    [["speaker", "--namespace", "y", "--pod-name", "x"], "--node-name"],
    [["speaker", "--pod-name", "x", "--node-name", "y", "--bogus"], "unknown option '--bogus'"],
    [
      ["controller", "--kubeconfig", "/nonesuch", "--namespace", "y", "--pod-name", "x"],
      "/nonesuch",
    ],
  ])("%j is told what is wrong", async (args, words) => {
    const attempt = steelyard(args);
    expect(await attempt.ended()).toBe(1);
    expect(attempt.output).toContain(words);
  });
});
