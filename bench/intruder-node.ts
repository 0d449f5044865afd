import { parseIpAddress } from "../src/core/net/ip-address.ts";
import { AnnouncingNode } from "./announcing-node.ts";
import { machineNow } from "./udp-gaps.ts";

/** What the node saw, one line each. */
export interface NodeSighting {
  readonly kind: "ready" | "reported" | "clear";
  /** Milliseconds on the machine's monotonic clock. */
  readonly at: number;
}

/**
 * A node with one announced address. What the leading controller would do is done here at once: who
 * is reported is an intruder.
 */
const address = parseIpAddress(process.argv[2] ?? "");
if (address === undefined) {
  throw new Error("usage: intruder-node ADDRESS");
}
let contested = false;
const say = (kind: NodeSighting["kind"]): void => {
  const line: NodeSighting = { kind, at: machineNow() };
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
let node: AnnouncingNode | undefined;
node = new AnnouncingNode({
  onChange: () => {
    const conflicts = node?.conflicts.report.conflicts ?? [];
    if (contested !== conflicts.length > 0) {
      contested = !contested;
      node?.order({ intruders: conflicts });
      say(contested ? "reported" : "clear");
    }
  },
});
node.assign(address, "eth0");
// An open link alone keeps no process running.
process.stdin.resume();
setTimeout(() => say("ready"), 6_000);
