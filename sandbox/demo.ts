import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import type { IpAddress } from "../src/core/net/ip-address.ts";
import { rankNodes } from "../src/core/placement/elect.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { registerSandbox } from "./background.ts";
import type { Capture } from "./capture.ts";
import { type DemoFamily, ipv4Demo, ipv6Demo } from "./demo/family.ts";
import { formatDuration, Story, type Told } from "./demo/story.ts";
import { apply, type Installation, images, installSteelyard } from "./installation.ts";
import type { SandboxNode } from "./node.ts";
import { OutageWatch } from "./outage.ts";
import { preflight } from "./preflight.ts";
import { type Sandbox, startSandbox } from "./sandbox.ts";
import { ServiceWatch } from "./service-watch.ts";
import { insideWrapper, rerunWrapped } from "./wrapper.ts";

/** `npm run demo`: the blog post's own manifests on a real cluster, each step seen at the client. */

const manifest = (name: string): string =>
  fileURLToPath(new URL(`./demo/${name}.yaml`, import.meta.url));

/** What the steps have seen so far. */
class Scene {
  readonly family: DemoFamily;
  readonly sandbox: Sandbox;
  readonly watch: ServiceWatch;
  readonly capture: Capture;
  installation: Installation | undefined;
  /** When the API server created the Service, as a watcher saw it: ms since the epoch. */
  createdAt = 0;

  constructor(family: DemoFamily, sandbox: Sandbox, watch: ServiceWatch, capture: Capture) {
    this.family = family;
    this.sandbox = sandbox;
    this.watch = watch;
    this.capture = capture;
  }

  get client(): Sandbox["clients"][number] {
    const [client] = this.sandbox.clients;
    if (client === undefined) {
      throw new Error("the demo needs a client");
    }
    return client;
  }

  /** The node with this hardware address. */
  nodeByMac(mac: string): SandboxNode {
    const node = this.sandbox.nodes.find((candidate) => candidate.mac === mac);
    if (node === undefined) {
      throw new Error(`no node has the MAC address ${mac}`);
    }
    return node;
  }

  /** The node whose MAC the client has for the address now. */
  async announcer(): Promise<SandboxNode> {
    const { stdout } = await this.client.exec(["ip", "neigh", "show", this.family.address]);
    return this.nodeByMac(/lladdr (\S+)/.exec(stdout)?.[1] ?? "");
  }
}

async function cluster(family: DemoFamily): Promise<{ scene: Scene; told: Told }> {
  const start = systemClock.now();
  const sandbox = await startSandbox({ nodes: 3, clients: 1, images });
  const ms = systemClock.now() - start;
  const scene = new Scene(
    family,
    sandbox,
    await ServiceWatch.start(sandbox.kubeconfigPath),
    await sandbox.lan.capture({ filter: family.filter }),
  );
  const rootless = sandbox.rootless ? "; every Pod as uid 0, the only one that is mapped here" : "";
  const text =
    `Kubernetes ${sandbox.version}, ${sandbox.nodes.length} nodes with kube-proxy (nftables), ` +
    `${sandbox.clients.length} client on the LAN${rootless}`;
  return { scene, told: { text, ms } };
}

/**
 * The app and the leader stay off the node that will announce, so that only the
 * announcement fails over. Which node that is follows from its name and the address.
 */
async function install(scene: Scene): Promise<Told> {
  const names = scene.sandbox.nodes.map(({ name }) => name);
  const [announcer = ""] = rankNodes(names, scene.family.address as IpAddress);
  await kubectl(scene.sandbox, ["cordon", announcer]);
  const installation = await installSteelyard(scene.sandbox);
  await apply(scene.sandbox, manifest("example-app"));
  scene.installation = installation;
  const { controllers, speakers, leader } = installation;
  return {
    text: `controller (leader of ${controllers}, on ${leader.node}) and ${speakers} speakers ready`,
  };
}

async function assigned(scene: Scene): Promise<Told> {
  const { address, suffix } = scene.family;
  await kubectl(scene.sandbox, ["rollout", "status", "deployment/my-example-app", "--timeout=60s"]);
  await apply(scene.sandbox, manifest(`pool-and-service${suffix}`));
  const isOurs = (name: string): boolean => name === "my-example-service";
  const created = await scene.watch.find(
    "the Service",
    ({ object, created: isNew }) => isNew && isOurs(object.service.name),
    5_000,
  );
  const served = await scene.watch.find(
    `${address} in the status of my-example-service`,
    ({ object }) => isOurs(object.service.name) && object.written.ingress.includes(address),
    10_000,
  );
  scene.createdAt = created.at;
  const pool = served.object.written.poolAnnotation;
  return {
    text: `my-example-service has ${address} from pool ${pool}`,
    ms: served.at - created.at,
  };
}

async function announced(scene: Scene): Promise<Told> {
  const { address, announcement, announcedAt } = scene.family;
  const frame = await scene.capture.find((one) => announcedAt(one) !== undefined, 10_000);
  const mac = frame && announcedAt(frame);
  if (frame === undefined || mac === undefined) {
    throw new Error(`the client saw no ${announcement} for ${address} within 10 s`);
  }
  const node = scene.nodeByMac(mac).name;
  return {
    text: `client saw ${announcement}: ${address} is at ${mac} (${node})`,
    ms: Math.max(0, frame.timeMs - scene.createdAt),
  };
}

async function served(scene: Scene): Promise<Told> {
  const { url } = scene.family;
  const deadline = systemClock.now() + 10_000;
  for (;;) {
    const answer = await scene.client.curl(url, { timeoutMs: 1_000 });
    if (answer.ok) {
      const via = (await scene.announcer()).name;
      return {
        text: `client: ${answer.status} from ${answer.body.trim()} via ${via}`,
        ms: answer.ms,
      };
    }
    if (systemClock.now() > deadline) {
      throw new Error(`GET ${url}: ${answer.error ?? `status ${answer.status}`}`);
    }
    await systemClock.sleep(20);
  }
}

async function refused(scene: Scene): Promise<Told> {
  const { address, suffix } = scene.family;
  await apply(scene.sandbox, manifest(`second-service${suffix}`));
  const isSecond = (name: string): boolean => name === "second-service";
  const created = await scene.watch.find(
    "second-service",
    ({ object }) => isSecond(object.service.name),
    5_000,
  );
  const answered = await scene.watch.find(
    "a condition on second-service",
    ({ object }) => isSecond(object.service.name) && object.written.conditions.length > 0,
    10_000,
  );
  const event = await describedEvent(scene.sandbox, "second-service");
  return { text: `second-service wants ${address}: ${event}`, ms: answered.at - created.at };
}

/** The last Event as `kubectl describe` shows it: reason and message. */
async function describedEvent(sandbox: Sandbox, service: string): Promise<string> {
  const deadline = systemClock.now() + 10_000;
  for (;;) {
    const text = await kubectl(sandbox, ["describe", "service", service]);
    const [, events = ""] = text.split(/^Events:.*$/m);
    const line = events.trim().split("\n").at(-1) ?? "";
    const [type, reason, , , ...message] = line.trim().split(/\s{2,}/);
    if (type === "Warning" || type === "Normal") {
      return `${reason}: ${message.join(" ")}`;
    }
    if (systemClock.now() > deadline) {
      throw new Error(`kubectl describe service ${service} shows no Event:\n${text}`);
    }
    await systemClock.sleep(50);
  }
}

async function failover(scene: Scene): Promise<Told> {
  const dead = await scene.announcer();
  const watch = new OutageWatch(scene.client, scene.family.url);
  await systemClock.sleep(500);
  const start = systemClock.now();
  await dead.powerOff();
  const deadline = start + 30_000;
  let heir = dead;
  while (heir === dead) {
    await systemClock.sleep(100);
    if (systemClock.now() > deadline) {
      await watch.stop();
      throw new Error(`${dead.name} was powered off 30 s ago and no other node answers`);
    }
    heir = watch.lastGoodAt > start + 200 ? await scene.announcer() : dead;
  }
  const ms = systemClock.now() - start;
  await systemClock.sleep(500);
  const { requests, failed, longestMs } = await watch.stop();
  return {
    text:
      `${dead.name} powered off; ${heir.name} answers; outage at the client ` +
      `${formatDuration(longestMs)}, ${failed} of ${requests} requests failed`,
    ms,
  };
}

async function kubectl(sandbox: Sandbox, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.kubectl(args);
  if (code !== 0) {
    throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  }
  return stdout;
}

/** What Steelyard's Pods logged last, for a step that failed. */
async function podLogs(sandbox: Sandbox | undefined): Promise<string> {
  if (sandbox === undefined) {
    return "";
  }
  const files = await sandbox.podLogs();
  const texts = await Promise.all(
    files
      .filter((file) => file.includes("steelyard"))
      .map(
        async (file) =>
          `--- ${file}\n${(await readFile(file, "utf8")).split("\n").slice(-30).join("\n")}`,
      ),
  );
  return texts.join("\n");
}

/** Tells the whole story; returns the exit code. */
async function tell({ keep, ipv6 }: DemoFlags): Promise<number> {
  const story = new Story((line) => console.log(line));
  let scene: Scene | undefined;
  const log = (): Promise<string> => podLogs(scene?.sandbox);
  const begun = await story.step(
    "cluster",
    async () => {
      const { scene: made, told } = await cluster(ipv6 ? ipv6Demo : ipv4Demo);
      scene = made;
      return told;
    },
    log,
  );
  const steps = {
    install,
    address: assigned,
    announce: announced,
    http: served,
    refused,
    failover,
  };
  let goesOn = begun;
  for (const [name, act] of Object.entries(steps)) {
    const stage = scene;
    goesOn = goesOn && stage !== undefined && (await story.step(name, () => act(stage), log));
  }
  const code = story.close();
  if (keep && scene !== undefined) {
    console.log(
      "npm run sandbox -- kubectl get services,ipallocations,l2bundles,l2speakers   uses it",
    );
    console.log(
      "Ctrl-C or npm run sandbox -- down                                            ends it",
    );
    await new Promise(() => setInterval(() => {}, 3_600_000));
  }
  await scene?.watch.close();
  await scene?.capture.stop();
  await scene?.sandbox.stop();
  return code;
}

interface DemoFlags {
  readonly keep: boolean;
  readonly ipv6: boolean;
}

async function main(flags: DemoFlags): Promise<number> {
  if (insideWrapper()) {
    return await tell(flags);
  }
  const { ok } = await preflight("demo", (line) => console.log(line));
  if (!ok) {
    return 2;
  }
  await import("../build/build.ts");
  const unregister = flags.keep ? registerSandbox() : () => {};
  try {
    return await rerunWrapped();
  } finally {
    unregister();
  }
}

const { keep = false, ipv6 = false } = new Command("npm run demo --")
  .description(
    "The blog post's manifests on a real cluster, served by gratuitous ARP, or by neighbor discovery",
  )
  .option("--ipv6", "tell the story over IPv6")
  .option("--keep", "leave the cluster up at the end")
  .showHelpAfterError()
  // Not even started: 1 is for a step that failed.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ keep?: boolean; ipv6?: boolean }>();
process.exitCode = await main({ keep, ipv6 });
process.exit();
