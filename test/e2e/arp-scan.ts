import { compile } from "../../build/native.ts";
import type { LanClient } from "../../sandbox/client.ts";
import { inNetns, runOrThrow } from "../../sandbox/command.ts";

/** On the wrapper's own tmpfs. */
const program = "/run/arp-scan";
let compiled: Promise<void> | undefined;

/**
 * Which MACs answer ARP for each address at a client on the LAN. Every address is
 * asked for three times, all by one process: a thousand take half a second.
 */
export async function scanArp(
  client: Pick<LanClient, "name" | "ip">,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  compiled ??= compile(["-O2", "-o", program, new URL("arp-scan.c", import.meta.url).pathname]);
  await compiled;
  const argv = inNetns(client.name, [program, "eth0", client.ip]);
  const replies = await runOrThrow(argv, { input: addresses.map((it) => `${it}\n`).join("") });
  const answers = new Map(addresses.map((address) => [address, new Set<string>()]));
  for (const line of replies.split("\n")) {
    const [address = "", mac = ""] = line.split(" ");
    answers.get(address)?.add(mac);
  }
  return answers;
}
