import { fileURLToPath } from "node:url";
import { systemClock } from "../src/runtime/clock.ts";
import type { Image, Images } from "./kubelet/image.ts";
import type { Sandbox } from "./sandbox.ts";
import { steelyardImage } from "./steelyard-image.ts";

const projectFile = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** What the Pods of this project and of its tests run. */
export const images: Images = new Map<string, Image>([
  ["steelyard", steelyardImage],
  ["my-example-app", [process.execPath, projectFile("sandbox/demo/example-app.ts")]],
]);

/** Steelyard as it runs in a sandbox. */
export interface Installation {
  readonly controllers: number;
  readonly speakers: number;
  /** The controller Pod that leads, and its node. */
  readonly leader: { readonly pod: string; readonly node: string };
}

const readyTimeoutMs = 60_000;

/**
 * Installs Steelyard as an admin does and resolves when all its Pods are ready
 * and one controller leads. Throws with what is not ready after a minute.
 */
export async function installSteelyard(sandbox: Sandbox): Promise<Installation> {
  await apply(sandbox, projectFile("deploy/steelyard.yaml"));
  return await whenReady(sandbox);
}

/**
 * Resolves when all Pods of Steelyard, however installed, are ready and one controller
 * leads. Throws with what is not ready after a minute.
 */
export async function whenReady(sandbox: Sandbox): Promise<Installation> {
  const deadline = systemClock.now() + readyTimeoutMs;
  for (;;) {
    const installation = await look(sandbox);
    if (typeof installation !== "string") {
      return installation;
    }
    if (systemClock.now() > deadline) {
      throw new Error(`Steelyard is not ready after a minute: ${installation}`);
    }
    await systemClock.sleep(50);
  }
}

/** Applies a manifest. Throws with kubectl's words. */
export async function apply(sandbox: Sandbox, file: string): Promise<void> {
  const { code, stderr } = await sandbox.kubectl(["apply", "-f", file]);
  if (code !== 0) {
    throw new Error(`kubectl apply -f ${file}: ${stderr.trim()}`);
  }
}

/** The state of the installation, or what is missing in it. */
async function look(sandbox: Sandbox): Promise<Installation | string> {
  const [pods, leader] = await Promise.all([
    kubectl(sandbox, ["get", "pods", "-o", podColumns]),
    kubectl(sandbox, ["get", "lease", "steelyard-controller", "-o", holder, "--ignore-not-found"]),
  ]);
  const rows = pods
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/));
  const ready = (component: string): number =>
    rows.filter((row) => row[1] === component && row[3] === "true").length;
  const [controllers, speakers] = [ready("controller"), ready("speaker")];
  const pod = leader.split("_")[0] ?? "";
  const node = rows.find(([name]) => name === pod)?.[2];
  if (controllers < 2 || speakers < sandbox.nodes.length || node === undefined) {
    return `${controllers} of 2 controllers and ${speakers} of ${sandbox.nodes.length} speakers ready, leader "${pod}"`;
  }
  return { controllers, speakers, leader: { pod, node } };
}

const podColumns =
  "jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.app\\.kubernetes\\.io/component} " +
  "{.spec.nodeName} {.status.containerStatuses[0].ready}{'\\n'}{end}";
const holder = "jsonpath={.spec.holderIdentity}";

async function kubectl(sandbox: Sandbox, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.kubectl(["-n", "steelyard-system", ...args]);
  if (code !== 0) {
    throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  }
  return stdout;
}
