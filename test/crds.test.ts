import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: object };
  readonly additionalPrinterColumns?: readonly {
    readonly name: string;
    readonly jsonPath: string;
  }[];
}

interface Crd {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly plural: string; readonly kind: string };
    readonly versions: readonly Version[];
  };
}

const files = readdirSync("crds").sort();

function read(file: string): Crd {
  return parse(readFileSync(`crds/${file}`, "utf8")) as Crd;
}

/** Group, version, kind and scope of DESIGN §2, by file. */
const kinds = {
  "metallb.io_configurationstates.yaml": [
    "metallb.io",
    "v1beta1",
    "ConfigurationState",
    "Namespaced",
  ],
  "metallb.io_ipaddresspools.yaml": ["metallb.io", "v1beta1", "IPAddressPool", "Namespaced"],
  "metallb.io_l2advertisements.yaml": ["metallb.io", "v1beta1", "L2Advertisement", "Namespaced"],
  "metallb.io_servicel2statuses.yaml": ["metallb.io", "v1beta1", "ServiceL2Status", "Namespaced"],
  "steelyard.dev_addresspolicies.yaml": ["steelyard.dev", "v1alpha1", "AddressPolicy", "Cluster"],
  "steelyard.dev_ipallocations.yaml": ["steelyard.dev", "v1alpha1", "IPAllocation", "Cluster"],
  "steelyard.dev_l2bundles.yaml": ["steelyard.dev", "v1alpha1", "L2Bundle", "Cluster"],
  "steelyard.dev_l2speakers.yaml": ["steelyard.dev", "v1alpha1", "L2Speaker", "Cluster"],
} as const;

test("every kind has its file, and every file is a kind", () => {
  expect(files).toEqual(Object.keys(kinds));
});

describe.each(Object.entries(kinds))("%s", (file, [group, version, kind, scope]) => {
  test("is the kind that its name says, served and stored in one version", () => {
    const { apiVersion, kind: type, metadata, spec } = read(file);
    expect([apiVersion, type]).toEqual(["apiextensions.k8s.io/v1", "CustomResourceDefinition"]);
    expect(`${spec.group}_${spec.names.plural}.yaml`).toBe(file);
    expect(metadata.name).toBe(`${spec.names.plural}.${spec.group}`);
    expect([spec.group, spec.names.kind, spec.scope]).toEqual([group, kind, scope]);
    expect(spec.versions).toMatchObject([{ name: version, served: true, storage: true }]);
  });

  test("has nothing without a value, as a comma in an unquoted description makes it", () => {
    expect([...keysWithoutValue(read(file))]).toEqual([]);
  });

  test("shows columns of fields that its schema has", () => {
    const [{ schema, additionalPrinterColumns = [] }] = read(file).spec.versions as [Version];
    expect(additionalPrinterColumns.length).toBeGreaterThan(0);
    for (const { name, jsonPath } of additionalPrinterColumns) {
      expect(hasField(schema?.openAPIV3Schema, jsonPath), `${name}: ${jsonPath}`).toBe(true);
    }
  });
});

function* keysWithoutValue(value: unknown): Generator<string> {
  for (const [key, inner] of Object.entries(value ?? {})) {
    if (inner === null) {
      yield key;
    } else if (typeof inner === "object") {
      yield* keysWithoutValue(inner);
    }
  }
}

/** True if the schema describes what a path such as `.spec.holders[*].name` leads to. */
function hasField(schema: unknown, jsonPath: string): boolean {
  const names = jsonPath
    .replace(/^\./, "")
    .replaceAll(/\[[^\]]*\]/g, "")
    .split(".");
  if (names[0] === "metadata") {
    return true;
  }
  let at = schema as { properties?: Record<string, unknown>; items?: unknown } | undefined;
  for (const name of names) {
    const properties = at?.properties ?? (at?.items as typeof at)?.properties;
    at = properties?.[name] as typeof at;
  }
  return at !== undefined;
}
