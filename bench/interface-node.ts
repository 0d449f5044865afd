import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { familyOf, type IpAddress, parseIpAddress } from "../src/core/net/ip-address.ts";
import { AnnouncingNode } from "./announcing-node.ts";
import { echoPort } from "./udp-gaps.ts";

/**
 * A node that announces addresses, which routes make the kernel take in as kube-proxy's rules do.
 * It sends back what it is sent, at these and at its own.
 */
const announced = process.argv.slice(2).flatMap((text) => parseIpAddress(text) ?? []);

function takeIn(address: IpAddress): void {
  const route = ["route", "add", "local", address, "dev", "lo"];
  execFileSync("ip", [familyOf(address) === 6 ? "-6" : "-4", ...route]);
}

const socket = createSocket("udp6");
socket.on("message", (message, sender) => socket.send(message, sender.port, sender.address));
// Without a way back there is nothing to do about it.
socket.on("error", () => undefined);
socket.bind(echoPort, "::", () => {
  const node = new AnnouncingNode({});
  for (const address of announced) {
    takeIn(address);
    node.assign(address, "eth0", "eth2");
  }
  process.stdout.write("ready\n");
});
