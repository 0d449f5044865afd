import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { parseIpAddress } from "../src/core/net/ip-address.ts";
import { AnnouncingNode } from "./announcing-node.ts";
import { echoPort } from "./udp-gaps.ts";

/**
 * A node with one announced address, which a route makes the kernel take in as kube-proxy's rules do,
 * and one that the kernel owns. Both send back what they are sent.
 */
const [announced, owned] = process.argv.slice(2).map((text) => parseIpAddress(text));
if (announced === undefined || owned === undefined) {
  throw new Error("usage: interface-node ANNOUNCED OWNED");
}
execFileSync("ip", ["route", "add", "local", announced, "dev", "lo"]);
execFileSync("ip", ["address", "add", `${owned}/32`, "dev", "eth0"]);

const socket = createSocket("udp4");
socket.on("message", (message, sender) => socket.send(message, sender.port, sender.address));
// Without a way back there is nothing to do about it.
socket.on("error", () => undefined);
socket.bind(echoPort, () => {
  new AnnouncingNode({}).assign(announced, "eth0", "eth2");
  process.stdout.write("ready\n");
});
