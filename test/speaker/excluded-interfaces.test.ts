import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import {
  ExcludedInterfaces,
  readExcludedInterfaces,
  usuallyExcluded,
} from "../../src/speaker/excluded-interfaces.ts";
import { nic } from "../core/layer2/interfaces.ts";

function excluded(by: ExcludedInterfaces, name: string): string | undefined {
  return by.mark([nic(name)])[0]?.excludedBy;
}

describe("the usual ones", () => {
  const usual = new ExcludedInterfaces(usuallyExcluded);

  test.each(
    (
      "docker0 cbr0 dummy0 virbr0 lxcbr0 veth1a2b lo cali123 tunl0 flannel.1 kube-ipvs0 cni0 nodelocaldns lxc9 " +
      "cilium_host ovn-k8s-mp0 ovs-system genev_sys_6081 vxlan.calico weave datapath antrea-gw0 podman0 " +
      "br-0123456789ab kube-bridge kube-dummy-if wg0 gretap0 vboxnet0"
    ).split(" "),
  )("%s is inside the node: nobody on the LAN is behind it", (name) => {
    expect(excluded(usual, name)).toBeDefined();
  });

  test.each(
    "eth0 eno1 bond0 bond0.100 br0 br-ex br-lan ens3f0 wlan0 myveth team0 lan0 macvlan0".split(" "),
  )("%s may be a LAN", (name) => {
    expect(excluded(usual, name)).toBeUndefined();
  });

  test("are what the manifests' ConfigMap lists", () => {
    const manifests = readFileSync("deploy/steelyard.yaml", "utf8");
    const [file] = parseAllDocuments(manifests).flatMap(
      (document) =>
        (document.toJS() as { data?: Record<string, string> } | null)?.data?.["excludel2.yaml"] ??
        [],
    );
    expect(parse(file ?? "").announcedInterfacesToExclude).toEqual(usuallyExcluded);
  });
});

describe("the file", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "steelyard-excluded-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function read(text: string): Promise<ExcludedInterfaces> {
    const path = join(folder, "excludel2.yaml");
    writeFileSync(path, text);
    return await readExcludedInterfaces(path);
  }

  test("decides alone, and its patterns match anywhere unless they say otherwise", async () => {
    const by = await read('announcedInterfacesToExclude: ["^san", "x$"]\n');
    expect(excluded(by, "san0")).toBe("^san");
    expect(excluded(by, "ethx")).toBe("x$");
    expect(excluded(by, "docker0")).toBeUndefined();
  });

  test.each(["", "{}", "announcedInterfacesToExclude: []"])(
    "that lists nothing excludes nothing: %j",
    async (text) => {
      expect(excluded(await read(text), "docker0")).toBeUndefined();
    },
  );

  test("that is missing excludes the usual ones", async () => {
    const by = await readExcludedInterfaces(join(folder, "none"));
    expect(excluded(by, "docker0")).toBe("^docker.*");
  });

  test.each([
    ["announcedInterfacesToExclude: docker", "must be a list"],
    ["announcedInterfacesToExclude: [1]", "must be a list"],
    ['announcedInterfacesToExclude: ["("]', "no regular expression"],
    ["announcedInterfacesToExclude: [", "cannot be read"],
  ])("that cannot be read ends the start with what to correct: %j", async (text, words) => {
    const error = await read(text).catch((it: Error) => it);
    expect(error).toBeInstanceOf(Error);
    const { message, cause } = error as Error;
    expect(`${message}: ${cause}`).toContain(words);
    expect(message).toContain("excludel2.yaml");
  });
});
