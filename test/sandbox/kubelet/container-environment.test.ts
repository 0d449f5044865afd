import { describe, expect, test } from "vitest";
import {
  containerCommand,
  containerEnvironment,
  expandVariables,
} from "../../../sandbox/kubelet/container-environment.ts";
import { imageName } from "../../../sandbox/kubelet/image.ts";

describe("the name of an image", () => {
  test.each([
    ["steelyard", "steelyard"],
    ["steelyard:v1", "steelyard"],
    ["ghcr.io/steelyard/steelyard:v0.1.0", "ghcr.io/steelyard/steelyard"],
    ["registry:5000/a/b", "registry:5000/a/b"],
    ["registry:5000/a/b:v1@sha256:0123", "registry:5000/a/b"],
  ])("of %s is %s", (image, name) => {
    expect(imageName(image)).toBe(name);
  });
});

describe("$(NAME)", () => {
  test("becomes the value, $$ a dollar sign, an unknown name stays", () => {
    const variables = { NODE: "node-1" };
    expect(expandVariables("--node=$(NODE) $(NONE) $$(NODE) $HOME", variables)).toBe(
      "--node=node-1 $(NONE) $(NODE) $HOME",
    );
  });
});

describe("the command of a container", () => {
  const images = new Map([["app", ["node", "app.js"]]]);

  test("is the image's entrypoint and the arguments", () => {
    const container = { name: "c", image: "app:v1", args: ["--node", "$(NODE)"] };
    expect(containerCommand(container, images, { NODE: "node-1" })).toEqual([
      "node",
      "app.js",
      "--node",
      "node-1",
    ]);
  });

  test("is the manifest's command where there is one", () => {
    const container = { name: "c", image: "app", command: ["sh", "-c"], args: ["true"] };
    expect(containerCommand(container, images, {})).toEqual(["sh", "-c", "true"]);
  });

  test("is a reason when the sandbox has no such image", () => {
    expect(containerCommand({ name: "c", image: "other" }, images, {})).toMatch(/"other".*app/);
  });
});

describe("the environment of a container", () => {
  const pod = {
    metadata: { name: "p", namespace: "n", uid: "u" },
    spec: { containers: [], hostNetwork: true },
  };
  const facts = { hostIPs: ["192.0.2.241"], podIPs: ["10.244.1.2"], nodeName: "node-1" };
  const nothing = (): Promise<undefined> => Promise.resolve(undefined);

  test("has the API server, values of earlier variables and the Pod's fields", async () => {
    const container = {
      name: "c",
      env: [
        { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "BOTH", value: "$(NODE)/$(IP)" },
      ],
    };
    expect(await containerEnvironment(pod, container, facts, nothing)).toMatchObject({
      KUBERNETES_SERVICE_HOST: "10.96.0.1",
      KUBERNETES_SERVICE_PORT: "443",
      HOSTNAME: "node-1",
      BOTH: "node-1/10.244.1.2",
    });
  });

  test("cannot be made without a key that must be there", async () => {
    const container = {
      name: "c",
      env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "m", key: "k" } } }],
    };
    await expect(containerEnvironment(pod, container, facts, nothing)).rejects.toThrow(
      "no key k in ConfigMap m",
    );
  });
});
