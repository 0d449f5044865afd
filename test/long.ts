/** True in `npm run test:long`, which sets `STEELYARD_LONG=1`: many more trials, and longer ones. */
export const isLong = process.env["STEELYARD_LONG"] === "1";
