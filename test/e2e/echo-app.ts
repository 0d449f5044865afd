import { createSocket } from "node:dgram";
import { createServer } from "node:http";

/** An app that answers HTTP and UDP on port 8080 with the node on which it runs. */
const answer = `echo on ${process.env["NODE_NAME"]}`;
const server = createServer((_request, response) => {
  // A connection for each request, so that a client sees every failure.
  response.setHeader("connection", "close");
  response.end(answer);
});
const socket = createSocket("udp6");
socket.on("message", (_message, { port, address }) => socket.send(answer, port, address));

process.on("SIGTERM", () => {
  server.close();
  socket.close();
});
server.listen(8080, "::");
socket.bind(8080, "::");
