import { createInterface } from "node:readline";
import { AnnouncingNode } from "../../bench/announcing-node.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";

/** A speaker's parts in the namespace that this process was started in; told by its input what the API says. */
const [addonPath = ""] = process.argv.slice(2);
const node = new AnnouncingNode({ addonPath });
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const [what, text = ""] = line.split(" ");
  const address = text as IpAddress;
  if (what === "assign") {
    node.assign(address);
  } else {
    node.moveAway(address);
  }
}
await node.close();
