import { createInterface } from "node:readline";
import { type IpAddress, parseIpAddress } from "../src/core/net/ip-address.ts";
import { Link } from "../src/link/link.ts";
import { silentLog } from "../src/runtime/log.ts";

/**
 * Answers for one address on `eth0`, as a speaker does. Lines on its input: `more <n>` adds so many
 * addresses of its family, `block <ms>` keeps the JavaScript thread busy for that long.
 */
const address = parseIpAddress(process.argv[2] ?? "");
if (address === undefined) {
  throw new Error("usage: answer-responder ADDRESS");
}
const prefix = address.includes(":") ? "2001:db8:0:3::" : undefined;
const link = new Link({ onEvents: () => {}, log: silentLog });
link.open();
link.answer([{ address, interface: "eth0" }]);
process.stdout.write("answering\n");

createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, figure] = line.split(" ");
  if (command === "more") {
    link.answer(
      Array.from({ length: Number(figure) }, (_, i) => ({
        address: another(i),
        interface: "eth0",
      })),
    );
    process.stdout.write("answering more\n");
    return;
  }
  const until = performance.now() + Number(figure);
  process.stdout.write("blocked\n");
  let spins = 0;
  while (performance.now() < until) {
    spins += 1;
  }
  process.stdout.write(`went round ${spins} times\n`);
});

function another(index: number): IpAddress {
  const text =
    prefix === undefined
      ? `10.99.${index >> 8}.${index & 255}`
      : `${prefix}${(index + 1).toString(16)}`;
  const parsed = parseIpAddress(text);
  if (parsed === undefined) {
    throw new RangeError(`No address: ${text}`);
  }
  return parsed;
}
