import fc from "fast-check";

/** `npm run test:long` sets it: many trials instead of a smoke. */
const isLong = process.env["STEELYARD_LONG"] === "1";

// A failing property prints its seed; SEED= repeats it.
const seed = process.env["SEED"];

fc.configureGlobal({
  numRuns: isLong ? 3_000 : 100,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
});
