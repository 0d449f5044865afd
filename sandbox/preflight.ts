import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import {
  type KubeBinaries,
  type LocatedBinaries,
  locateBinaries,
  provideBinaries,
} from "./binaries.ts";
import { helmVersion, locateHelm, provideHelm } from "./helm/program.ts";
import { expectedMinutes, findGo } from "./kube/go-build.ts";
import { binaryNames, cacheFolder, kubernetesVersion } from "./kube/pinned.ts";
import { lookAtNeeds, type Machine, type Need, type Purpose, thisMachine } from "./needs.ts";

/** Whether the sandbox can start; if so, with what. */
export type PreflightResult =
  | { readonly ok: true; readonly binaries: KubeBinaries }
  | { readonly ok: false };

/**
 * Checks everything that the sandbox needs and prints it as one table, within a
 * second and without network. Then provides what it can, saying so: as root
 * with apt-get the missing packages, for everybody the Kubernetes binaries.
 * For what it cannot provide it prints one line to paste and returns not ok;
 * the caller's exit code is 2 then.
 *
 * Sets `$PATH` of this process so that it finds what was found here.
 */
export async function preflight(
  purpose: Purpose,
  print: (line: string) => void,
  machine: Machine = thisMachine(),
): Promise<PreflightResult> {
  const [needs, binaries, canInstall] = await Promise.all([
    lookAtNeeds(purpose, machine),
    binariesNeed(),
    machine.isRoot ? exists("/usr/bin/apt-get") : false,
  ]);
  const missing = needs.filter(({ ok }) => !ok);
  const programs = purpose === "test" ? [binaries, helmNeed()] : [binaries];
  printTable([...needs, ...programs], canInstall, print);
  const packages = packagesOf(missing);
  const installed = canInstall && packages.length > 0 && (await install(packages, print));
  const still = installed ? (await lookAtNeeds(purpose, machine)).filter(({ ok }) => !ok) : missing;
  if (still.length > 0 || !binaries.ok) {
    print("");
    for (const { name, state } of still) {
      print(`cannot start: ${name}: ${state}`);
    }
    print(await pasteLine(binaries.ok ? still : [...still, binaries], machine.isRoot));
    return { ok: false };
  }
  process.env["PATH"] = machine.searchPath;
  try {
    if (purpose === "test") {
      await provideHelm(print);
    }
    return { ok: true, binaries: await provideBinaries(print) };
  } catch (error) {
    print(`cannot start: ${error instanceof Error ? error.message : String(error)}`);
    return { ok: false };
  }
}

/** The Kubernetes binaries as a need: missing ones are no failure as long as there is a way. */
async function binariesNeed(): Promise<Need> {
  const name = `Kubernetes ${kubernetesVersion()}`;
  const { found, missing } = await locateBinaries();
  if (missing.length === 0) {
    return { name, state: whereFound({ found, missing }), ok: true };
  }
  const go = await findGo();
  const minutes = expectedMinutes(missing);
  const what = `${missing.length} of ${binaryNames.length} binaries will be downloaded`;
  const otherwise =
    go === undefined
      ? "; without network to dl.k8s.io they need Go 1.21 or newer, which is missing"
      : `, or built with Go ${go.version} in about ${minutes} min`;
  return { name, state: `${what}${otherwise}`, ok: true };
}

/** For the chart's tests. */
function helmNeed(): Need {
  const { path, isThere } = locateHelm();
  const state = isThere ? path : "will be downloaded, or built with Go in about 3 min";
  return { name: `Helm ${helmVersion()}`, state, ok: true };
}

function whereFound({ found }: LocatedBinaries): string {
  const cached = Object.values(found).filter((path) => path.startsWith(cacheFolder())).length;
  const other = binaryNames.length - cached;
  const parts = [
    ...(other > 0 ? [`${other} in $KUBEBUILDER_ASSETS`] : []),
    ...(cached > 0 ? [`${cached} in ${cacheFolder()}`] : []),
  ];
  return parts.join(", ");
}

function printTable(
  needs: readonly Need[],
  canInstall: boolean,
  print: (line: string) => void,
): void {
  const width = Math.max(...needs.map(({ name }) => name.length));
  for (const { name, state, ok, packages } of needs) {
    const note = ok || packages === undefined || !canInstall ? "" : "  (apt-get will install it)";
    print(`${ok ? "ok     " : "missing"}  ${name.padEnd(width)}  ${state}${note}`);
  }
}

function packagesOf(needs: readonly Need[]): readonly string[] {
  return [...new Set(needs.flatMap(({ packages = [] }) => packages))].sort();
}

/** True when all went well; otherwise what apt-get said last has been printed. */
async function install(
  packages: readonly string[],
  print: (line: string) => void,
): Promise<boolean> {
  print(`installing ${packages.join(", ")} with apt-get`);
  const options = ["-qq", "-o", "DPkg::Lock::Timeout=60"];
  const steps = [
    ["update", ...options],
    ["install", ...options, "-y", "--no-install-recommends", ...packages],
  ];
  for (const step of steps) {
    const failure = await aptGet(step);
    if (failure !== undefined) {
      print(`apt-get ${step[0]} failed: ${failure}`);
      return false;
    }
  }
  return true;
}

function aptGet(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn("apt-get", args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    let words = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words += text;
    });
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) => {
      resolve(code === 0 ? undefined : words.trim().split("\n").at(-1) || `exit code ${code}`);
    });
  });
}

/** One line that provides everything that is missing, as far as a line can. */
async function pasteLine(needs: readonly Need[], isRoot: boolean): Promise<string> {
  const packages = packagesOf(needs);
  const sudo = isRoot ? "" : "sudo ";
  const commands: string[] = [];
  if (packages.length > 0) {
    const names = packages.join(" ");
    commands.push(
      (await exists("/usr/bin/apt-get"))
        ? `${sudo}apt-get update && ${sudo}apt-get install -y ${names}`
        : `install these (Debian's names) with your package manager: ${names}`,
    );
  }
  // With a missing program a trial fails too; its own remedy would mislead.
  const others = needs.filter(({ packages: own }) => own === undefined);
  if (packages.length === 0) {
    commands.push(
      ...others.map(({ remedy = "" }) => (isRoot ? remedy.replace(/^sudo /, "") : remedy)),
    );
  }
  return `to go on: ${commands.join(" && ")}`;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
