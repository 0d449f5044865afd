import { createInterface } from "node:readline";
import { parseIpAddress } from "../src/core/net/ip-address.ts";
import { Link } from "../src/link/link.ts";
import { silentLog } from "../src/runtime/log.ts";

/**
 * Answers ARP for one address on `eth0`, as a speaker does; a line `block <ms>`
 * on its input keeps the JavaScript thread busy for that long.
 */
const address = parseIpAddress(process.argv[2] ?? "");
if (address === undefined) {
  throw new Error("usage: arp-responder ADDRESS");
}
const link = new Link({ onEvents: () => {}, log: silentLog });
link.open();
link.answer([{ address, interface: "eth0" }]);
process.stdout.write("answering\n");

createInterface({ input: process.stdin }).on("line", (line) => {
  const until = performance.now() + Number(line.split(" ")[1]);
  process.stdout.write("blocked\n");
  let spins = 0;
  while (performance.now() < until) {
    spins += 1;
  }
  process.stdout.write(`went round ${spins} times\n`);
});
