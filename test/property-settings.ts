import fc from "fast-check";
import { isLong } from "./long.ts";

// A failing property prints its seed; SEED= repeats it.
const seed = process.env["SEED"];

fc.configureGlobal({
  numRuns: isLong ? 3_000 : 100,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
});
