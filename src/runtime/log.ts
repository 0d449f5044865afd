import { pino } from "pino";

/** One JSON object per line: fields first, then what happened. The subset of pino that we call. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A log whose every line carries `fields` too. */
  child(fields: object): Log;
}

/** The levels of `--log-level`; `all` and `none` are MetalLB's names for the two ends. */
export const logLevels = ["all", "debug", "info", "warn", "error", "none"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Opens the process's log on stdout. Lines carry `level` as text and `ts` in RFC 3339. */
export function openLog(level: LogLevel): Log {
  const pinoLevel = level === "all" ? "trace" : level === "none" ? "silent" : level;
  return pino(
    {
      level: pinoLevel,
      base: null,
      messageKey: "msg",
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 1, sync: true }),
  );
}

/** A log that says nothing, for tests and for library use. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};
