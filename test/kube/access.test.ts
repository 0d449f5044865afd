import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClusterAccess } from "../../src/kube/access.ts";
import { inClusterAccess } from "../../src/kube/in-cluster-access.ts";
import { loadAccess } from "../../src/kube/load-access.ts";
import { HandClock } from "./hand-clock.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "steelyard-access-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

async function replace(name: string, text: string): Promise<void> {
  await writeFile(join(directory, name), text);
}

describe("access as a Pod", () => {
  it("reads the token again after a minute, and at once when it was refused", async () => {
    const clock = new HandClock();
    const access = inClusterAccess(env, clock, directory);
    await replace("token", "one\n");
    expect(await access.authorization()).toBe("Bearer one");
    await replace("token", "two\n");
    expect(await access.authorization()).toBe("Bearer one");
    await clock.advance(60_000);
    expect(await access.authorization()).toBe("Bearer two");
    await replace("token", "three\n");
    access.refused();
    expect(await access.authorization()).toBe("Bearer three");
  });

  it("reads the CA for every connection", async () => {
    const access = inClusterAccess(env, new HandClock(), directory);
    await replace("ca.crt", "old");
    expect(String((await access.tls()).ca)).toBe("old");
    await replace("ca.crt", "new");
    expect(String((await access.tls()).ca)).toBe("new");
  });

  it("puts an IPv6 address in brackets", () => {
    const access = inClusterAccess({ KUBERNETES_SERVICE_HOST: "fd00::1" }, new HandClock());
    expect(access.url).toBe("https://[fd00::1]:443");
  });

  it("says what to do outside of a Pod", async () => {
    await expect(loadAccess({ clock: new HandClock(), env: {} })).rejects.toThrow("--kubeconfig");
  });
});

describe("access through a kubeconfig", () => {
  const kubeconfig = (user: object): string =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: "https://192.0.2.1:6443" } }],
      users: [{ name: "u", user }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    });

  it("follows a token file beside it", async () => {
    const clock = new HandClock();
    await replace("config", kubeconfig({ tokenFile: "token" }));
    await replace("token", "one\n");
    const access = await loadAccess({ kubeconfig: join(directory, "config"), clock });
    expect(access.url).toBe("https://192.0.2.1:6443");
    expect(await access.authorization()).toBe("Bearer one");
    await replace("token", "two\n");
    expect(await access.authorization()).toBe("Bearer one");
    await clock.advance(60_000);
    expect(await access.authorization()).toBe("Bearer two");
    await replace("token", "three\n");
    access.refused();
    expect(await access.authorization()).toBe("Bearer three");
  });

  it("takes a client certificate as it is in the file now", async () => {
    const clock = new HandClock();
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const user = (cert: string): object => ({
      "client-certificate-data": base64(cert),
      "client-key-data": base64("key"),
    });
    await replace("config", kubeconfig(user("old")));
    const access = await loadAccess({ kubeconfig: join(directory, "config"), clock });
    expect(String((await access.tls()).cert)).toBe("old");
    expect(await access.authorization()).toBeUndefined();
    await replace("config", kubeconfig(user("new")));
    await clock.advance(60_000);
    expect(String((await access.tls()).cert)).toBe("new");
  });

  /** Access by a plugin that counts its runs in the token; `status` is what else it says. */
  async function pluginAccess(clock: HandClock, status = ""): Promise<ClusterAccess> {
    const script = join(directory, "plugin.sh");
    await writeFile(
      script,
      `echo x >> ${directory}/runs
n=$(wc -l < ${directory}/runs)
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{${status}"token":"'token-$n'"}}'
`,
    );
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "/bin/sh",
      args: [script],
    };
    await replace("config", kubeconfig({ exec }));
    return await loadAccess({ kubeconfig: join(directory, "config"), clock });
  }

  it("runs an exec plugin once for all that ask at a time", async () => {
    const access = await pluginAccess(new HandClock());
    const tokens = await Promise.all([1, 2, 3].map(() => access.authorization()));
    expect(tokens).toEqual(["Bearer token-1", "Bearer token-1", "Bearer token-1"]);
  });

  it("runs an exec plugin again when its credential has ended", async () => {
    const ended = '"expirationTimestamp":"2026-01-01T00:00:00Z",';
    const access = await pluginAccess(new HandClock(), ended);
    expect(await access.authorization()).toBe("Bearer token-1");
    expect(await access.authorization()).toBe("Bearer token-2");
  });

  it("runs an exec plugin once, and again after its credential was refused", async () => {
    const clock = new HandClock();
    const access = await pluginAccess(clock);
    expect(await access.authorization()).toBe("Bearer token-1");
    await clock.advance(600_000);
    expect(await access.authorization()).toBe("Bearer token-1");
    access.refused();
    expect(await access.authorization()).toBe("Bearer token-2");
  });

  /** A file `name` with one cluster, user and context of that name. */
  async function addFile(name: string, namespace?: string): Promise<string> {
    const shared = { name: "shared", cluster: { server: `https://shared.${name}.example:6443` } };
    const config = {
      ...{ apiVersion: "v1", kind: "Config", "current-context": name },
      clusters: [{ name, cluster: { server: `https://${name}.example:6443` } }, shared],
      users: [{ name, user: { token: `token of ${name}` } }],
      contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    };
    await replace(name, JSON.stringify(config));
    return join(directory, name);
  }

  it("uses the context that is asked for, of several files as KUBECONFIG lists them", async () => {
    const clock = new HandClock();
    const files = [await addFile("one"), join(directory, "none"), await addFile("two", "shop")];
    const kubeconfig = files.join(":");
    const current = await loadAccess({ kubeconfig, clock });
    expect([current.url, current.namespace]).toEqual(["https://one.example:6443", undefined]);
    const asked = await loadAccess({ kubeconfig, context: "two", clock });
    expect([asked.url, asked.namespace]).toEqual(["https://two.example:6443", "shop"]);
    expect(await asked.authorization()).toBe("Bearer token of two");
    await expect(loadAccess({ kubeconfig, context: "three", clock })).rejects.toThrow("three");
  });

  it("refuses a file that names no cluster", async () => {
    await replace("config", JSON.stringify({ apiVersion: "v1", kind: "Config" }));
    const options = { kubeconfig: join(directory, "config"), clock: new HandClock() };
    await expect(loadAccess(options)).rejects.toThrow("no cluster");
  });
});
