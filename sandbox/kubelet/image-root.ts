import { join } from "node:path";
import { type Mount, placeCommands } from "./mount.ts";
import { quote } from "./shell-quote.ts";

/** What every container has besides its image, as a runtime makes it. */
const devices = ["null", "zero", "full", "random", "urandom"];
const folders = ["dev", "etc", "proc", "run", "sys", "tmp", "var"];
const etc: Readonly<Record<string, string>> = {
  hosts: "127.0.0.1 localhost\n::1 localhost\n",
  passwd:
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
  group: "root:x:0:\nnonroot:x:65532:\n",
  "resolv.conf": "",
};

/**
 * Returns shell commands that make `root` a container's root: an own file system
 * with nothing in it but the image's files, read-only, the volumes, and what a
 * container runtime adds. What is in neither is not there, whatever the machine has.
 *
 * `mount -n`: libmount would keep a table in `/run`.
 */
export function imageRootScript(
  root: string,
  files: ReadonlyMap<string, string>,
  volumes: readonly Mount[],
  readOnly: boolean,
): readonly string[] {
  const mounts: readonly Mount[] = [
    ...[...files].map(([target, source]) => ({ source, target, readOnly: true })),
    ...devices.map((name) => device(`/dev/${name}`)),
    ...[...volumes].sort((a, b) => a.target.length - b.target.length),
  ];
  return [
    `mkdir -p ${quote(root)}`,
    `mount -n -t tmpfs -o mode=755 container ${quote(root)}`,
    `cd ${quote(root)}`,
    `mkdir ${folders.join(" ")} && chmod 1777 tmp`,
    // Not /run: a link that mounts go through before this is the root.
    "ln -s /proc/self/fd dev/fd && ln -s ../run var/run",
    ...Object.entries(etc).map(([name, text]) => `printf %s ${quote(text)} > etc/${name}`),
    "mount -n --rbind /proc proc",
    // A node's settings are not a container's to write.
    "mount -n --bind /proc/sys proc/sys",
    "mount -n -o remount,bind,ro,nosuid,nodev,noexec proc/sys || :",
    // A sysfs shows the network interfaces of the namespace that mounted it. Not vital.
    "mount -n -t sysfs -o ro sysfs sys 2>/dev/null || :",
    ...mounts.flatMap((mount) => placeCommands(mount, join(".", mount.target))),
    ...(readOnly ? [`mount -n -o remount,bind,ro ${quote(root)}`] : []),
  ];
}

function device(path: string): Mount {
  return { source: path, target: path, readOnly: false };
}
