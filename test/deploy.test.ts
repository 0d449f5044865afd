import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { renderDeploy } from "../build/deploy.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly name: string; readonly namespace: string }[];
}

const text = readFileSync("deploy/steelyard.yaml", "utf8");
const documents = parseAllDocuments(text);
const manifests = documents
  .map((document) => document.toJS() as Manifest | null)
  .filter((manifest) => manifest !== null);

function rulesOf(account: string): readonly Rule[] {
  const roles = manifests
    .filter(({ subjects }) => subjects?.some(({ name }) => name === account))
    .map(({ roleRef, metadata }) => `${roleRef?.kind} ${roleRef?.name} ${metadata.namespace}`);
  return manifests
    .filter(({ kind, metadata }) =>
      roles.includes(`${kind} ${metadata.name} ${metadata.namespace}`),
    )
    .flatMap(({ rules = [] }) => rules);
}

describe("deploy/steelyard.yaml", () => {
  test("is what `npm run deploy` makes of crds/ and deploy/parts/", async () => {
    expect(text === (await renderDeploy()), "run npm run deploy and commit the result").toBe(true);
  });

  test("parses, and names every object once", () => {
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    const names = manifests.map(
      ({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`,
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test("holds no object of our own kinds: they can be created only after their definitions", () => {
    const own = ["IPAddressPool", "L2Advertisement", "IPAllocation", "L2Bundle", "L2Speaker"];
    expect(manifests.filter(({ kind }) => own.includes(kind))).toEqual([]);
  });
});

describe("an update", () => {
  interface Workload extends Manifest {
    readonly spec: {
      readonly strategy?: object;
      readonly updateStrategy?: object;
      readonly template: {
        readonly spec: { readonly containers: readonly { readonly ports?: object }[] };
      };
    };
  }
  const workload = (kind: string): Workload["spec"] =>
    (manifests.find((manifest) => manifest.kind === kind) as Workload).spec;
  const newFirst = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };

  test("starts the new Pod before the old one goes, on the same node", () => {
    expect(workload("Deployment").strategy).toEqual(newFirst);
    const { updateStrategy, template } = workload("DaemonSet");
    expect(updateStrategy).toEqual(newFirst);
    // A Pod on its node's network that declares a port keeps the next one off the node.
    expect(template.spec.containers.map(({ ports }) => ports)).toEqual([undefined]);
  });
});

test("every admission policy is bound once, denies, and fails closed", () => {
  const of = (kind: string): object[] =>
    manifests
      .filter((manifest) => manifest.kind === kind)
      .map((manifest) => ({
        name: manifest.metadata.name,
        ...(manifest as { spec?: object }).spec,
      }));
  const names = ["steelyard-writers", "steelyard-speaker-own-node"];
  expect(of("ValidatingAdmissionPolicy")).toEqual(
    names.map((name) => expect.objectContaining({ name, failurePolicy: "Fail" })),
  );
  expect(of("ValidatingAdmissionPolicyBinding")).toEqual(
    names.map((name) => ({ name, policyName: name, validationActions: ["Deny", "Audit"] })),
  );
});

describe("rights", () => {
  const accounts = ["steelyard-controller", "steelyard-speaker"];
  const roles = manifests.filter(({ kind }) => kind === "ClusterRole" || kind === "Role");

  test("are given to our two accounts, and every role to one of them", () => {
    const bound = manifests.flatMap(({ subjects = [] }) => subjects.map(({ name }) => name));
    expect([...new Set(bound)].sort()).toEqual(accounts);
    expect(accounts.flatMap(rulesOf)).toHaveLength(roles.flatMap(({ rules = [] }) => rules).length);
  });

  test("have no wildcard and reach no secret, Pod, role or webhook", () => {
    const rules = roles.flatMap(({ rules = [] }) => rules);
    expect(rules.length).toBeGreaterThan(0);
    const said = rules.flatMap((rule) => [...rule.apiGroups, ...rule.resources, ...rule.verbs]);
    expect(said.filter((word) => word.includes("*"))).toEqual([]);
    const touchy =
      /secret|configmap|pod|role|serviceaccount|token|webhook|impersonate|escalate|bind/;
    expect(said.filter((word) => touchy.test(word))).toEqual([]);
  });

  test("of the controller to write Services end at their status", () => {
    const onServices = rulesOf("steelyard-controller").filter(({ resources }) =>
      resources.some((resource) => resource.startsWith("services")),
    );
    const writes = onServices.filter(({ verbs }) =>
      verbs.some((verb) => !["get", "list", "watch"].includes(verb)),
    );
    expect(writes.map(({ resources, verbs }) => [resources, verbs])).toEqual([
      [["services/status"], ["patch"]],
    ]);
  });

  test("of the speaker are its reads, its report and its Lease", () => {
    const rights = rulesOf("steelyard-speaker").flatMap(({ resources, verbs }) =>
      resources.map((resource) => `${resource}: ${verbs.join(", ")}`),
    );
    expect(rights.sort()).toEqual([
      "ipallocations: list, watch",
      "l2bundles: list, watch",
      "l2speakers/status: patch",
      "l2speakers: list, watch",
      "leases: create, patch",
    ]);
  });
});
