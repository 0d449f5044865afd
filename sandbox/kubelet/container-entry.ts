import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "../../build/native.ts";
import type { Credentials } from "./credentials.ts";

/** As `linux/capability.h` numbers them. */
const capabilityNames =
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore".split(
    " ",
  );

let compiling: Promise<void> | undefined;

/**
 * Returns the path of `container-entry` in `directory`, compiled once: the small
 * program that takes the last steps into a container with files of its own.
 * Throws without a C compiler.
 */
export async function provideContainerEntry(directory: string): Promise<string> {
  const program = join(directory, "container-entry");
  if (!existsSync(program)) {
    const source = fileURLToPath(new URL("./container-entry.c", import.meta.url));
    compiling ??= compile(["-O1", "-o", program, source]).finally(() => {
      compiling = undefined;
    });
    await compiling;
  }
  return program;
}

/** How `container-entry` is told whom to become, and where; see `container-entry.c`. */
export function entryWords(
  credentials: Credentials,
  rootless: boolean,
  workingDirectory: string,
): readonly string[] {
  const { uid, gid, groups, noNewPrivileges } = credentials;
  // Rootless only uid 0 exists: who was not to be root has at least no capability.
  const capabilities = rootless && uid !== 0 ? [] : credentials.capabilities;
  return [
    ...(rootless ? ["-", "-"] : [`${uid}`, `${gid}`]),
    groups.length === 0 ? "-" : groups.join(","),
    capabilityMask(capabilities),
    noNewPrivileges ? "1" : "0",
    workingDirectory,
  ];
}

function capabilityMask(capabilities: Credentials["capabilities"]): string {
  if (capabilities === "all") {
    return "ffffffffffffffff";
  }
  let mask = 0n;
  for (const name of capabilities) {
    const number = capabilityNames.indexOf(name);
    if (number < 0) {
      throw new Error(`Linux has no capability ${JSON.stringify(name)}`);
    }
    mask |= 1n << BigInt(number);
  }
  return mask.toString(16);
}
