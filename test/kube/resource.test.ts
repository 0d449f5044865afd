import { describe, expect, it } from "vitest";
import { apiVersion, objectKey, type Resource, resourcePath } from "../../src/kube/resource.ts";

const service: Resource = {
  group: "",
  version: "v1",
  plural: "services",
  kind: "Service",
  namespaced: true,
};
const speaker: Resource = {
  group: "steelyard.dev",
  version: "v1alpha1",
  plural: "l2speakers",
  kind: "L2Speaker",
  namespaced: false,
};

describe("resource paths", () => {
  it("name collections, objects and subresources of the core group", () => {
    expect(resourcePath(service)).toBe("/api/v1/services");
    expect(resourcePath(service, { namespace: "a" })).toBe("/api/v1/namespaces/a/services");
    expect(resourcePath(service, { namespace: "a", name: "b", subresource: "status" })).toBe(
      "/api/v1/namespaces/a/services/b/status",
    );
  });

  it("name cluster-scoped objects of other groups", () => {
    expect(resourcePath(speaker, { name: "node-1" })).toBe(
      "/apis/steelyard.dev/v1alpha1/l2speakers/node-1",
    );
  });

  it("keep a name with a slash in its segment", () => {
    expect(resourcePath(speaker, { name: "a/b?c" })).toContain("l2speakers/a%2Fb%3Fc");
  });

  it("refuse a namespace where there is none", () => {
    expect(() => resourcePath(speaker, { namespace: "a" })).toThrow("cluster-scoped");
  });
});

describe("names of objects", () => {
  it("have the group in apiVersion unless it is the core group", () => {
    expect(apiVersion(service)).toBe("v1");
    expect(apiVersion(speaker)).toBe("steelyard.dev/v1alpha1");
  });

  it("are keyed with their namespace where they have one", () => {
    expect(objectKey("a", "b")).toBe("a/b");
    expect(objectKey(undefined, "b")).toBe("b");
    expect(objectKey("", "b")).toBe("b");
  });
});
