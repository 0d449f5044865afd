import { createSocket } from "node:dgram";

/** Sends a datagram to an address and a port and prints what comes back; exits with 1 after a second without. */
const [address = "", port = ""] = process.argv.slice(2);
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
const patience = setTimeout(() => process.exit(1), 1_000);
socket.once("message", (message) => {
  clearTimeout(patience);
  process.stdout.write(message);
  socket.close();
});
socket.send("hello", Number(port), address);
