import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { apply, installSteelyard, images as ourImages } from "../sandbox/installation.ts";
import type { Images } from "../sandbox/kubelet/image.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { version } from "../src/runtime/version.ts";
import type { MetalLb } from "./metallb/programs.ts";
import { type ProcessCost, processCost } from "./process-cost.ts";

/** A load balancer that is measured. */
export interface Contender {
  readonly name: string;
  readonly images: Images;
  /** Installs it and resolves when all its Pods are ready. */
  readonly install: (sandbox: Sandbox) => Promise<void>;
  readonly namespace: string;
  /** The Pod label that says `controller` or `speaker`. */
  readonly componentLabel: string;
}

/** Steelyard as this tree has it, installed by its own manifest. */
export const steelyard: Contender = {
  name: `Steelyard ${version}`,
  images: ourImages,
  install: async (sandbox) => {
    await installSteelyard(sandbox);
  },
  namespace: "steelyard-system",
  componentLabel: "app.kubernetes.io/component",
};

/** MetalLB in its layer-2 mode. */
export function metalLbContender(metalLb: MetalLb): Contender {
  return {
    name: `MetalLB ${metalLb.version}`,
    images: new Map([
      ["metallb-controller", [metalLb.controller]],
      ["metallb-speaker", [metalLb.speaker]],
    ]),
    install: async (sandbox) => {
      for (const file of await readdir(metalLb.definitions)) {
        await apply(sandbox, join(metalLb.definitions, file));
      }
      await apply(sandbox, fileURLToPath(new URL("metallb/metallb.yaml", import.meta.url)));
      for (const workload of ["deployment/controller", "daemonset/speaker"]) {
        await kubectl(sandbox, [
          ...["-n", "metallb-system", "rollout", "status", workload, "--timeout=120s"],
        ]);
      }
    },
    namespace: "metallb-system",
    componentLabel: "component",
  };
}

/** One running process of a contender. */
export interface ComponentProcess {
  readonly component: string;
  readonly pid: number;
}

/** The contender's processes that run now. */
export async function processesOf(
  sandbox: Sandbox,
  contender: Contender,
): Promise<readonly ComponentProcess[]> {
  const label = contender.componentLabel.replaceAll(".", "\\.");
  const columns = `jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.${label}} {.spec.nodeName}{'\\n'}{end}`;
  const text = await kubectl(sandbox, ["-n", contender.namespace, "get", "pods", "-o", columns]);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const [pod = "", component = "", nodeName] = line.split(" ");
      const node = sandbox.nodes.find(({ name }) => name === nodeName);
      const running = node?.podProcess(contender.namespace, pod);
      return running === undefined ? [] : [{ component, pid: running.pid }];
    });
}

/** What a process of a contender has cost since its start. */
export interface ComponentCost extends ProcessCost {
  readonly component: string;
}

/** What each of the contender's processes has cost since its start; one that ends just now is left out. */
export async function costsOf(
  sandbox: Sandbox,
  contender: Contender,
): Promise<readonly ComponentCost[]> {
  const processes = await processesOf(sandbox, contender);
  return processes.flatMap(({ component, pid }) => {
    try {
      return [{ component, ...processCost(pid) }];
    } catch {
      return [];
    }
  });
}

/** The costs of one component: the controller that costs most (others only stand by), the mean speaker. */
export function costOf(costs: readonly ComponentCost[], component: string): ComponentCost {
  const all = costs.filter((cost) => cost.component === component);
  const mean = (of: (cost: ComponentCost) => number): number =>
    all.reduce((sum, cost) => sum + of(cost), 0) / all.length;
  const busiest = all.reduce<ComponentCost | undefined>(
    (a, b) => (a !== undefined && a.cpuSeconds >= b.cpuSeconds ? a : b),
    undefined,
  );
  if (component === "controller" && busiest !== undefined) {
    return busiest;
  }
  return {
    component,
    rssMiB: mean(({ rssMiB }) => rssMiB),
    anonymousMiB: mean(({ anonymousMiB }) => anonymousMiB),
    cpuSeconds: mean(({ cpuSeconds }) => cpuSeconds),
  };
}

/** Runs kubectl as admin; throws with what it said when it fails. */
export async function kubectl(
  sandbox: Sandbox,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const result = await sandbox.kubectl(args, input === undefined ? {} : { input });
  if (result.code !== 0) {
    throw new Error(`kubectl ${args.join(" ")}: ${result.stderr.trim()}`);
  }
  return result.stdout;
}
