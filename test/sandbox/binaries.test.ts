import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { locateBinaries, provideBinaries } from "../../sandbox/binaries.ts";
import { takeLock } from "../../sandbox/kube/build-lock.ts";
import { expectedMinutes, isAtLeast } from "../../sandbox/kube/go-build.ts";
import { type BinaryName, binaryNames, cacheFolder } from "../../sandbox/kube/pinned.ts";

let directory: string;
let assets: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "binaries-"));
  assets = join(directory, "assets");
  mkdirSync(assets);
  vi.stubEnv("XDG_CACHE_HOME", join(directory, "cache"));
  vi.stubEnv("KUBEBUILDER_ASSETS", assets);
  vi.stubEnv("STEELYARD_KUBERNETES", "");
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function putProgram(folder: string, name: BinaryName, says: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho "${says}"\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("the Kubernetes binaries", () => {
  test("come from KUBEBUILDER_ASSETS where they are of the pinned version, else from the cache", async () => {
    const etcd = putProgram(assets, "etcd", "etcd Version: 3.7.3");
    putProgram(assets, "kube-apiserver", "Kubernetes v1.37.20");
    putProgram(assets, "kube-proxy", "Kubernetes v1.36.2");
    const kubectl = putProgram(assets, "kubectl", "Client Version: v1.37.2");
    const proxy = putProgram(cacheFolder(), "kube-proxy", "not asked");
    putProgram(cacheFolder(), "kubectl", "not asked");
    expect(await locateBinaries()).toEqual({
      found: { etcd, kubectl, "kube-proxy": proxy },
      missing: ["kube-apiserver", "kube-scheduler", "kube-controller-manager"],
    });
  });

  test("are provided without a word when all are there", async () => {
    const paths = binaryNames.map((name) => [name, putProgram(cacheFolder(), name, "not asked")]);
    const said: string[] = [];
    expect(await provideBinaries((line) => said.push(line))).toEqual(Object.fromEntries(paths));
    expect(said).toEqual([]);
  });

  test("are of another release, beside the first, when STEELYARD_KUBERNETES names it", async () => {
    putProgram(cacheFolder(), "etcd", "not asked");
    vi.stubEnv("STEELYARD_KUBERNETES", "1.33");
    expect(cacheFolder()).toMatch(/\/cache\/steelyard\/kubernetes\/1\.33\.13-[0-9a-f]{12}$/);
    putProgram(assets, "etcd", "etcd Version: 3.7.3");
    const kubectl = putProgram(assets, "kubectl", "Client Version: v1.33.13");
    const proxy = putProgram(cacheFolder(), "kube-proxy", "not asked");
    const { found } = await locateBinaries();
    expect(found).toEqual({ kubectl, "kube-proxy": proxy });
  });

  test("are refused for a release that is not pinned, naming those that are", () => {
    vi.stubEnv("STEELYARD_KUBERNETES", "1.34");
    expect(cacheFolder).toThrow("STEELYARD_KUBERNETES is 1.34: the sandbox has 1.37 and 1.33");
  });

  test("lie in a folder that names their version and their dependencies", () => {
    expect(cacheFolder()).toMatch(/\/cache\/steelyard\/kubernetes\/1\.37\.2-[0-9a-f]{12}$/);
  });
});

describe("the lock against two builders", () => {
  test("lets the second one wait, and says so", async () => {
    const path = join(directory, "lock");
    const order: string[] = [];
    const release = await takeLock(path, () => order.push("first waits"));
    let waited: () => void = () => undefined;
    const isWaiting = new Promise<void>((resolve) => {
      waited = resolve;
    });
    const second = takeLock(path, () => {
      order.push("second waits");
      waited();
    });
    await isWaiting;
    order.push("first is done");
    release();
    (await second)();
    expect(order).toEqual(["second waits", "first is done"]);
  });
});

test("versions compare by number", () => {
  expect(isAtLeast("1.9.9", "1.21")).toBe(false);
  expect(isAtLeast("1.21", "1.21.0")).toBe(true);
  expect(isAtLeast("1.26.8", "1.26.0")).toBe(true);
  expect(isAtLeast("2.0", "1.26.0")).toBe(true);
});

test("at least a minute is announced, and more for more", () => {
  expect(expectedMinutes(["kube-proxy"])).toBeGreaterThanOrEqual(1);
  expect(expectedMinutes(binaryNames)).toBeGreaterThanOrEqual(expectedMinutes(["kube-apiserver"]));
});
