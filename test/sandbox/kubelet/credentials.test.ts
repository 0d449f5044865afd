import { describe, expect, test } from "vitest";
import { credentialsOf, setprivCommand } from "../../../sandbox/kubelet/credentials.ts";

const pod = { containers: [] };

describe("credentials", () => {
  test("of root without capabilities but NET_RAW are just that", () => {
    const securityContext = {
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
    };
    expect(credentialsOf(pod, { name: "c", securityContext })).toEqual({
      uid: 0,
      gid: 0,
      groups: [],
      capabilities: ["net_raw"],
      noNewPrivileges: true,
    });
  });

  test("of a container that asks for nothing are root's with a runtime's defaults", () => {
    expect(credentialsOf(pod, { name: "c" })).toMatchObject({
      uid: 0,
      capabilities: expect.arrayContaining(["net_bind_service", "net_raw", "chown"]),
      noNewPrivileges: false,
    });
    expect(credentialsOf(pod, { name: "c" })).not.toMatchObject({
      capabilities: expect.arrayContaining(["net_admin"]),
    });
  });

  test("come from the Pod where the container names none", () => {
    const spec = { containers: [], securityContext: { runAsUser: 7, runAsGroup: 8, fsGroup: 9 } };
    expect(credentialsOf(spec, { name: "c" })).toMatchObject({ uid: 7, gid: 8, groups: [9] });
  });

  test("are refused to root where it must not be root", () => {
    const securityContext = { runAsNonRoot: true };
    expect(credentialsOf(pod, { name: "c", securityContext })).toMatch(/runAsNonRoot/);
  });
});

describe("without root", () => {
  const user = { uid: 65532, gid: 65532, groups: [], noNewPrivileges: true };

  test("nobody changes uid, and who is not root has no capability", () => {
    const command = setprivCommand({ ...user, capabilities: ["net_raw"] }, true);
    expect(command).not.toContain("--reuid");
    expect(command).toContain("--bounding-set=-all");
  });

  test("root keeps the capabilities of its manifest", () => {
    const command = setprivCommand({ ...user, uid: 0, capabilities: ["net_raw"] }, true);
    expect(command).toContain("--bounding-set=-all,+net_raw");
  });
});
