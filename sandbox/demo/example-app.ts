import { createServer } from "node:http";

/** The app behind the blog post's Service: says on which node it runs. */
const server = createServer((_request, response) => {
  // A connection for each request, so that a client sees every failure.
  response.setHeader("connection", "close");
  response.end(`my-example-app on ${process.env["NODE_NAME"]}\n`);
});

process.on("SIGTERM", () => server.close());
server.listen(8080, "::");
