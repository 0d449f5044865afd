import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseManifest } from "../../src/kube/manifest.ts";

const text = `# A comment first.
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: a
  annotations:
    example.com/x: "1"
spec:
  autoAssign: no
  addresses:
    - 192.0.2.0/28
    - 192.0.2.32/28
---
# Nothing here.
---
{"kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}},
  {"apiVersion": "v1", "kind": "ServiceList", "items": [
    {"metadata": {"name": "c"}}]}]}
`;

describe("a manifest", () => {
  const { objects, problems } = parseManifest(text, "x.yaml");

  test("holds its documents and the items of its Lists, each where it begins", () => {
    expect(problems).toEqual([]);
    const seen = objects.map(({ raw, line }) => {
      const { kind, metadata } = raw as { kind: string; metadata: { name: string } };
      return `${kind} ${metadata.name}: ${line}`;
    });
    expect(seen).toEqual(["IPAddressPool a: 2", "Service b: 17", "Service c: 19"]);
  });

  test("knows the line of each field, or of the nearest that is there", () => {
    const [pool] = objects;
    const lines = {
      "spec.addresses[1]": 12,
      "spec.addresses[9]": 10,
      "spec.serviceAllocation": 8,
      'metadata.annotations["example.com/x"]': 7,
      'metadata.annotations["example.com/y"]': 6,
      nothing: 2,
    };
    expect(Object.keys(lines).map((field) => pool?.lineOf(field))).toEqual(Object.values(lines));
  });

  test("is read as kubectl reads it: `no` is false", () => {
    expect(objects[0]?.raw).toMatchObject({ spec: { autoAssign: false } });
  });

  test("tells the line of what is none, and goes on with the next document", () => {
    const [a, c] = ["A", "C"].map((kind) => `{apiVersion: v1, kind: ${kind}}\n`);
    const broken = parseManifest(`${a}---\nkind: [\n---\n${c}`, "x.yaml");
    expect(broken.problems).toEqual([
      { file: "x.yaml", line: expect.any(Number), message: expect.any(String) },
    ]);
    expect(broken.problems[0]?.line).toBeGreaterThan(2);
    expect(broken.objects.map(({ raw }) => raw)).toMatchObject([{ kind: "A" }, { kind: "C" }]);
  });

  test.each([
    ["metadata: {name: a}", "it has no apiVersion and no kind"],
    ["kind: Service", "it has no apiVersion"],
    ["{apiVersion: v1, Kind: Service}", "it has no kind"],
    [
      "{apiVersion: v1, kind: List, items: [{metadata: {name: a}}]}",
      "it has no apiVersion and no kind",
    ],
    ["{apiVersion: v1, kind: ''}", "it has no kind"],
    ["just text", "it has no apiVersion and no kind"],
  ])("does not pass over a document that does not say what it is: %s", (document, message) => {
    const { objects: none, problems: told } = parseManifest(`# x\n${document}\n`, "x.yaml");
    expect(none).toEqual([]);
    expect(told).toEqual([{ file: "x.yaml", line: 2, message }]);
  });

  test("cannot grow without end by aliases", () => {
    const rows = Array.from({ length: 9 }, (_, i) => {
      const before = i === 0 ? '"x"' : `*a${i - 1}`;
      return `a${i}: &a${i} [${Array(9).fill(before).join(", ")}]`;
    });
    const bomb = parseManifest(rows.join("\n"), "bomb.yaml");
    expect(bomb.objects).toEqual([]);
    expect(bomb.problems).toMatchObject([{ file: "bomb.yaml" }]);
  });

  test("is never thrown at, whatever it is", () => {
    const pieces = fc.constantFrom(
      "a",
      ":",
      " ",
      "\n",
      "- ",
      "[",
      "{",
      "&x",
      "*x",
      "---\n",
      "kind: List",
      '"',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        for (const { lineOf } of parseManifest(parts.join(""), "x").objects) {
          expect(lineOf("spec.a[0]")).toBeGreaterThan(0);
        }
      }),
    );
  });
});
