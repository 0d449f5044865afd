import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import type { NetworkInterface } from "../core/net/network-interface.ts";
import { compileGoPattern } from "./go-pattern.ts";

/**
 * Interfaces that container networks, tunnels and virtual machines make on a node: nobody on the LAN
 * is behind them. First MetalLB's list, then what its users had to add. Bridges are named only as far
 * as nobody makes them a node's uplink: `br-` with Docker's twelve digits. The same list stands in
 * the manifests' ConfigMap.
 */
export const usuallyExcluded: readonly string[] = [
  ...["^docker.*", "^cbr.*", "^dummy.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo$", "^cali.*"],
  ...["^tunl.*", "^flannel.*", "^kube-ipvs.*", "^cni.*", "^nodelocaldns.*", "^lxc.*"],
  ...["^cilium_.*", "^ovn.*", "^ovs-system$", "^genev.*", "^vxlan.*", "^weave.*", "^datapath$"],
  ...["^antrea-.*", "^kube-bridge.*", "^kube-dummy-if.*", "^podman.*", "^nerdctl.*"],
  ...["^br-[0-9a-f]{12}$", "^lxdbr.*", "^incusbr.*", "^vmnet.*", "^vboxnet.*", "^wg.*"],
  ...["^gretap.*", "^erspan.*", "^ifb.*"],
];

/** Which interfaces never announce, whatever an advertisement names: MetalLB's `excludel2.yaml`. */
export class ExcludedInterfaces {
  readonly #patterns: readonly { readonly text: string; readonly pattern: RegExp }[];

  /** Throws when one of `patterns`, written as for Go, cannot be read. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map((text) => ({ text, pattern: compileGoPattern(text) }));
  }

  /** Returns the interfaces, each with the pattern that excludes it. */
  mark(interfaces: readonly NetworkInterface[]): readonly NetworkInterface[] {
    return interfaces.map((nic) => ({ ...nic, excludedBy: this.#patternFor(nic.name) }));
  }

  #patternFor(name: string): string | undefined {
    return this.#patterns.find(({ pattern }) => pattern.test(name))?.text;
  }
}

/**
 * Reads the list of excluded interfaces from `path`, a file as MetalLB's `excludel2.yaml`. Without the
 * file the usual ones are excluded; an empty list in it excludes none.
 *
 * Throws when the file or one of its patterns cannot be read, with what to do.
 */
export async function readExcludedInterfaces(path: string): Promise<ExcludedInterfaces> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return new ExcludedInterfaces(usuallyExcluded);
    }
    throw error;
  }
  try {
    return new ExcludedInterfaces(patternsIn(parse(text)));
  } catch (error) {
    throw new Error(`The list of excluded interfaces ${path} cannot be read: correct it`, {
      cause: error,
    });
  }
}

function patternsIn(file: unknown): readonly string[] {
  const list =
    (file as { announcedInterfacesToExclude?: unknown } | null)?.announcedInterfacesToExclude ?? [];
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
    throw new Error("announcedInterfacesToExclude must be a list of regular expressions");
  }
  return list;
}
