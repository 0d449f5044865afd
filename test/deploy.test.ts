import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type {
  V1LabelSelector,
  V1NetworkPolicySpec,
  V1PodDisruptionBudgetSpec,
  V1PodSpec,
  V1ValidatingWebhookConfiguration,
} from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { madeFolders, renderChart } from "../build/chart.ts";
import { renderDeploy } from "../build/deploy.ts";
import { viewerRole } from "../src/cli/inspect/rights.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly name: string; readonly namespace: string }[];
}

const text = readFileSync("deploy/steelyard.yaml", "utf8");
const documents = parseAllDocuments(text);
const manifests = manifestsIn(text);

function manifestsIn(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

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

test("deploy/ and the chart hold what `npm run deploy` makes of crds/ and deploy/parts/", async () => {
  const stale = "run npm run deploy and commit the result";
  const made = new Map([...(await renderDeploy()), ...(await renderChart())]);
  for (const [path, wanted] of made) {
    expect(existsSync(path) && readFileSync(path, "utf8") === wanted, `${path}: ${stale}`).toBe(
      true,
    );
  }
  const there = madeFolders.flatMap((folder) => readdirSync(folder).map((it) => `${folder}/${it}`));
  expect(there.filter((path) => !made.has(path))).toEqual([]);
});

describe("deploy/steelyard.yaml", () => {
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

test("no webhook can keep anybody from anything, and only Services of our type are sent to one", () => {
  const registration = manifests.find(({ kind }) => kind === "ValidatingWebhookConfiguration");
  const { webhooks } = registration as unknown as V1ValidatingWebhookConfiguration;
  expect(webhooks?.map(({ name }) => name)).toEqual([
    "configuration.steelyard.dev",
    "services.steelyard.dev",
  ]);
  for (const webhook of webhooks ?? []) {
    expect(webhook).toMatchObject({
      failurePolicy: "Ignore",
      timeoutSeconds: 2,
      sideEffects: "None",
      clientConfig: { service: { name: "steelyard-webhook", path: "/validate" } },
    });
    expect(webhook.clientConfig.caBundle).toBeUndefined();
    const asksServices = webhook.rules?.some(({ resources }) => resources?.includes("services"));
    const [first] = webhook.matchConditions ?? [];
    expect(first?.expression).toBe(asksServices ? "object.spec.type == 'LoadBalancer'" : undefined);
  }
  const secret = manifests.find(({ kind }) => kind === "Secret");
  expect(Object.keys(secret ?? {})).toEqual(["apiVersion", "kind", "metadata"]);
});

test("every admission policy is bound once and denies; only what others' writes pass by fails open", () => {
  const of = (kind: string): object[] =>
    manifests
      .filter((manifest) => manifest.kind === kind)
      .map((manifest) => ({
        name: manifest.metadata.name,
        ...(manifest as { spec?: object }).spec,
      }));
  const failing = {
    "steelyard-writers": "Fail",
    "steelyard-speaker-own-node": "Fail",
    "steelyard-leader": "Fail",
    "steelyard-leader-tells": "Ignore",
  };
  expect(of("ValidatingAdmissionPolicy")).toEqual(
    Object.entries(failing).map(([name, failurePolicy]) =>
      expect.objectContaining({ name, failurePolicy }),
    ),
  );
  expect(of("ValidatingAdmissionPolicyBinding")).toEqual(
    Object.keys(failing).map((name) =>
      expect.objectContaining({
        name,
        policyName: name,
        validationActions: ["Deny", "Audit"],
      }),
    ),
  );
});

describe("deploy/steelyard-for-metallb.yaml", () => {
  test("differs from deploy/steelyard.yaml in one flag, and no other way", () => {
    const beside = readFileSync("deploy/steelyard-for-metallb.yaml", "utf8");
    expect(beside).toContain("args: [controller, --no-default-advertisement, ");
    const body = (yaml: string): string => yaml.slice(yaml.indexOf("---"));
    expect(body(beside).replace(" --no-default-advertisement,", "")).toBe(body(text));
  });
});

describe("deploy/uninstall.yaml", () => {
  const removed = manifestsIn(readFileSync("deploy/uninstall.yaml", "utf8"));
  const nameOf = ({ kind, metadata }: Manifest): string =>
    `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
  const names = removed.map(nameOf);

  test("names no definition and no namespace but our own", () => {
    expect(names.filter((name) => name.startsWith("CustomResourceDefinition"))).toEqual([]);
    expect(names.filter((name) => name.startsWith("Namespace"))).toEqual([
      "Namespace /steelyard-system",
    ]);
  });

  test("names all else that was installed and is not in our namespace", () => {
    const kept = ["CustomResourceDefinition /", "Namespace /metallb-system"];
    const installed = manifests
      .filter(({ metadata }) => metadata.namespace !== "steelyard-system")
      .map(nameOf)
      .filter((name) => !kept.some((one) => name.startsWith(one)));
    expect(names.toSorted()).toEqual(installed.toSorted());
  });
});

describe("Pods", () => {
  interface Workload extends Manifest {
    readonly spec: { readonly template: { readonly spec: V1PodSpec } };
  }
  const pods = manifests
    .filter(({ kind }) => kind === "Deployment" || kind === "DaemonSet")
    .map((workload) => (workload as Workload).spec.template.spec);

  test("are as little privileged as their work allows", () => {
    expect(pods).toHaveLength(2);
    for (const pod of pods) {
      expect(pod.securityContext?.seccompProfile).toEqual({ type: "RuntimeDefault" });
      expect(pod.containers[0]?.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
    }
    const [controller, speaker] = pods;
    expect(controller?.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532 });
    const capabilitiesOf = (pod: V1PodSpec | undefined): object | undefined =>
      pod?.containers[0]?.securityContext?.capabilities;
    expect(capabilitiesOf(controller)).toEqual({ drop: ["ALL"] });
    expect(capabilitiesOf(speaker)).toEqual({ drop: ["ALL"], add: ["NET_RAW"] });
    expect(controller?.hostNetwork).toBeUndefined();
  });

  test("are the last that a node gives up, and have time to say goodbye", () => {
    for (const pod of pods) {
      expect(pod.priorityClassName).toBe("system-node-critical");
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(15);
    }
  });

  test("of speakers are allowed by the label of their namespace", () => {
    const own = manifests.find(
      ({ kind, metadata }) => kind === "Namespace" && metadata.name === "steelyard-system",
    );
    expect(own?.metadata.labels?.["pod-security.kubernetes.io/enforce"]).toBe("privileged");
  });
});

describe("around the controllers", () => {
  const specOf = <T>(wanted: string): T =>
    (manifests.find(({ kind }) => kind === wanted) as unknown as { spec: T }).spec;
  const controllers = manifests.find(({ kind }) => kind === "Deployment") as unknown as {
    spec: { selector: V1LabelSelector; template: { spec: V1PodSpec } };
  };

  test("a budget lets a drain take one at a time", () => {
    const budget = specOf<V1PodDisruptionBudgetSpec>("PodDisruptionBudget");
    expect(budget.maxUnavailable).toBe(1);
    expect(budget.selector).toEqual(controllers.spec.selector);
  });

  test("a policy lets in on the ports that they listen on, and on no other", () => {
    const policy = specOf<V1NetworkPolicySpec>("NetworkPolicy");
    expect(policy.podSelector).toEqual(controllers.spec.selector);
    expect(policy.policyTypes).toEqual(["Ingress", "Egress"]);
    const [container] = controllers.spec.template.spec.containers;
    expect(container?.args?.filter((arg) => arg.includes("port"))).toEqual([]);
    const help = execFileSync(process.execPath, ["src/cli/main.ts", "controller", "--help"]);
    const flags = `${help}`.matchAll(/--([a-z-]*port) <port>.*?\(default:\s+(\d+)\)/gs);
    const listening = [...flags].map(([, , port]) => ({ protocol: "TCP", port: Number(port) }));
    expect(listening).toHaveLength(3);
    expect(sorted(policy.ingress?.flatMap(({ ports = [] }) => ports))).toEqual(sorted(listening));
    for (const { containerPort } of container?.ports ?? []) {
      expect(listening).toContainEqual({ protocol: "TCP", port: containerPort });
    }
  });

  test("a policy lets out to DNS and to the ports of an API server, in the chart the same, and nowhere else", () => {
    const values = parse(readFileSync("deploy/chart/steelyard/values.yaml", "utf8"));
    const dns = ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 }));
    const ofApiServers = [443, 6443, 8443, 16_443];
    expect(values.networkPolicy).toEqual({ enabled: true, apiServerPorts: ofApiServers });
    expect(specOf<V1NetworkPolicySpec>("NetworkPolicy").egress).toEqual([
      { ports: dns },
      { ports: ofApiServers.map((port) => ({ protocol: "TCP", port })) },
    ]);
  });

  const sorted = <T>(ports: readonly T[] = []): readonly T[] =>
    [...ports].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
});

describe("the chart", () => {
  test("has the version of package.json, and of the image that the manifest names", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    const chart = parse(readFileSync("deploy/chart/steelyard/Chart.yaml", "utf8"));
    expect(chart).toMatchObject({ name: "steelyard", version, appVersion: version });
    expect(new Set(text.match(/image: .*/g))).toEqual(new Set([`image: steelyard:${version}`]));
  });
});

describe("rights", () => {
  const accounts = ["steelyard-controller", "steelyard-speaker"];
  const roles = manifests.filter(({ kind }) => kind === "ClusterRole" || kind === "Role");

  test("are given to our two accounts, and every role to one of them but the one for people", () => {
    const bound = manifests.flatMap(({ subjects = [] }) => subjects.map(({ name }) => name));
    expect([...new Set(bound)].sort()).toEqual(accounts);
    const ours = roles.filter(({ metadata }) => metadata.name !== viewerRole);
    expect(ours).toHaveLength(roles.length - 1);
    expect(accounts.flatMap(rulesOf)).toHaveLength(ours.flatMap(({ rules = [] }) => rules).length);
  });

  test("have no wildcard and reach no secret, role or webhook but our own by name", () => {
    const rules = roles.flatMap(({ rules = [] }) => rules);
    expect(rules.length).toBeGreaterThan(0);
    const said = rules.flatMap((rule) => [...rule.apiGroups, ...rule.resources, ...rule.verbs]);
    expect(said.filter((word) => word.includes("*"))).toEqual([]);
    const touchy = /secret|configmap|role|serviceaccount|token|webhook|impersonate|escalate|bind/;
    const others = rules.filter(({ resourceNames }) => resourceNames === undefined);
    expect(others.flatMap(({ resources }) => resources).filter((it) => touchy.test(it))).toEqual(
      [],
    );
    expect(said.filter((word) => touchy.test(word))).toEqual([
      "secrets",
      "validatingwebhookconfigurations",
    ]);
    const named = rules.filter(({ resources }) => resources.some((it) => touchy.test(it)));
    expect(named.map(({ resourceNames }) => resourceNames)).toEqual([
      ["steelyard-webhook"],
      ["steelyard-webhook"],
    ]);
  });

  test("on Pods are to see those in the namespace of the configuration, and no more", () => {
    const onPods = roles.flatMap(({ kind, metadata, rules = [] }) =>
      rules
        .filter(({ resources }) => resources.some((resource) => resource.startsWith("pods")))
        .map(({ resources, verbs }) => [kind, metadata.namespace, metadata.name, resources, verbs]),
    );
    expect(onPods).toEqual([
      ["Role", "metallb-system", "steelyard-controller", ["pods"], ["list", "watch"]],
    ]);
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
