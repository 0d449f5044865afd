import { describe, expect, test } from "vitest";
import { decodeEndpointNodes } from "../../../src/kube/decode/endpoint-nodes.ts";

const metadata = {
  namespace: "a",
  name: "s1-x",
  resourceVersion: "7",
  labels: { "kubernetes.io/service-name": "s1" },
};

describe("an endpoint", () => {
  test.each<[string, string, string, object | undefined]>([
    ["serves: it is ready", "n1", "", { ready: true }],
    [
      "serves while it must: it is serving, and not ready",
      "",
      "n1",
      { ready: false, serving: true },
    ],
    ["serves: ready counts before serving", "n1", "", { ready: true, serving: false }],
    ["serves: nothing is said of it", "n1", "", undefined],
    ["serves: only that it is not serving is said", "n1", "", { serving: false }],
    ["does not serve: it is not ready", "", "", { ready: false }],
  ])("an endpoint makes its node one that %s", (_, ready, serving, conditions) => {
    const endpoints = [{ nodeName: "n1", conditions }];
    expect(decodeEndpointNodes({ metadata, endpoints })).toMatchObject({ ready, serving });
  });
});

test("an EndpointSlice is kept as two lists of nodes, each once and in order", () => {
  const ready = { ready: true };
  const endpoints = [
    { nodeName: "n2", conditions: ready },
    { nodeName: "n1", conditions: ready },
    { nodeName: "n2", conditions: ready },
    { conditions: ready },
    { nodeName: "n3", conditions: { ready: false, serving: true } },
  ];
  const stored = decodeEndpointNodes({ metadata, endpoints });
  expect(stored).toEqual({
    key: "a/s1-x",
    uid: "",
    resourceVersion: "7",
    service: "a/s1",
    ready: "n1,n2",
    serving: "n3",
  });
  expect(decodeEndpointNodes({ metadata: { ...metadata, labels: {} } })).toBeUndefined();
});
