import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ApiClient } from "../../../sandbox/kubelet/api-client.ts";
import { provideVolume, type VolumeSources } from "../../../sandbox/kubelet/pod-volumes.ts";

let directory: string;
let life: AbortController;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "volumes-"));
  life = new AbortController();
});

afterEach(() => {
  life.abort();
  rmSync(directory, { recursive: true });
});

function sources(create: (path: string, body: object) => Promise<unknown>): VolumeSources {
  return {
    api: { create } as unknown as ApiClient,
    readKey: () => Promise.resolve({ a: "1", b: "2" }),
    pod: {
      metadata: { name: "p", namespace: "n", uid: "u" },
      spec: { containers: [], serviceAccountName: "steelyard-speaker" },
    },
    facts: { hostIPs: [], podIPs: [], nodeName: "node-1" },
    log: () => undefined,
  };
}

describe("a volume", () => {
  test("with a token asks for one bound to the Pod, and for the next when 80 % of its life is over", async () => {
    const asked: { path: string; body: object }[] = [];
    let isRenewed: () => void = () => undefined;
    const renewed = new Promise<void>((resolve) => {
      isRenewed = resolve;
    });
    const create = async (path: string, body: object): Promise<unknown> => {
      asked.push({ path, body });
      if (asked.length === 3) {
        isRenewed();
      }
      const expirationTimestamp = new Date(Date.now() + 20).toISOString();
      return { status: { token: `token ${asked.length}`, expirationTimestamp } };
    };
    const projected = { sources: [{ serviceAccountToken: { path: "token" } }] };
    const path = await provideVolume(
      { name: "v", projected },
      directory,
      sources(create),
      life.signal,
    );
    await renewed;
    expect(readFileSync(join(path, "token"), "utf8")).toMatch(/^token [23]$/);
    expect(asked[0]).toMatchObject({
      path: "/api/v1/namespaces/n/serviceaccounts/steelyard-speaker/token",
      body: { spec: { boundObjectRef: { kind: "Pod", name: "p", uid: "u" } } },
    });
  });

  test("of a ConfigMap has the items that it names, where it names them", async () => {
    const configMap = { name: "m", items: [{ key: "b", path: "sub/file" }] };
    const volume = { name: "v", configMap };
    const never = (): Promise<never> => Promise.reject(new Error("not asked"));
    const path = await provideVolume(volume, directory, sources(never), life.signal);
    expect(readFileSync(join(path, "sub/file"), "utf8")).toBe("2");
    expect(() => readFileSync(join(path, "a"))).toThrow("ENOENT");
  });
});
