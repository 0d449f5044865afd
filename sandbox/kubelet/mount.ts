import { statSync } from "node:fs";
import { dirname } from "node:path";
import { quote } from "./shell-quote.ts";

/** A directory or file that a container sees at a place of its own. */
export interface Mount {
  readonly source: string;
  /** Absolute, in the container. */
  readonly target: string;
  readonly readOnly: boolean;
}

/**
 * Returns shell commands that show the mount's source at `path`, which is there.
 *
 * `mount -n`: libmount would keep a table in `/run`.
 */
export function bindCommands({ source, readOnly }: Mount, path: string): readonly string[] {
  const target = quote(path);
  const bind = `mount -n --rbind ${quote(source)} ${target}`;
  return readOnly ? [bind, `mount -n -o remount,bind,ro ${target} || :`] : [bind];
}

/** As {@link bindCommands}, after making `path`. */
export function placeCommands(mount: Mount, path: string): readonly string[] {
  const make = statSync(mount.source).isDirectory()
    ? `mkdir -p ${quote(path)}`
    : `mkdir -p ${quote(dirname(path))} && touch ${quote(path)}`;
  return [make, ...bindCommands(mount, path)];
}
