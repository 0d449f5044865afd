import { runWrapped } from "../../sandbox/wrapper.ts";

/** Runs its arguments inside a wrapper of its own, as every front door of the sandbox does. */
process.exitCode = await runWrapped(process.argv.slice(2));
