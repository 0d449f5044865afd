import { startSandbox } from "../../sandbox/sandbox.ts";

/** A cluster that lives until somebody kills it. */
await startSandbox({ nodes: 2, clients: 1 });
console.log("ready");
setInterval(() => {}, 3_600_000);
