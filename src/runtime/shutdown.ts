/**
 * Returns a signal that aborts at the first SIGTERM or SIGINT. The second one
 * ends the process at once.
 */
export function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        process.exit(1);
      }
      controller.abort(new Error(`${name} received`));
    });
  }
  return controller.signal;
}
