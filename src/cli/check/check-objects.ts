import type {
  AdmissionSettings,
  ConfigurationKind,
} from "../../controller/admission/admission-judge.ts";
import { configurationKinds, ownKinds } from "../../controller/definitions.ts";
import { type Finding, refuse, warn } from "../../core/admission/finding.ts";
import { elsewhere } from "../../core/admission/findings-of.ts";
import { textField } from "../../kube/decode/fields.ts";
import { decodeNamespace } from "../../kube/decode/namespace.ts";
import type { ManifestObject } from "../../kube/manifest.ts";
import type { CheckedFinding } from "./checked-finding.ts";
import { type Judgement, putConfiguration } from "./configuration-check.ts";
import type { PlannedCluster } from "./planned-cluster.ts";
import { putService, serviceCheckFindings } from "./service-check.ts";

export interface CheckSettings extends AdmissionSettings {
  /** Of objects that name none; pools and advertisements are then taken for the configuration. */
  readonly namespace: string;
  /** There are only files: what they do not say is not known. */
  readonly offline: boolean;
}

/** One object that is ours to check. */
interface Written {
  readonly group: string;
  readonly kind: string;
  /** Undefined: its kind has none. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly raw: unknown;
}

interface Item extends Written {
  readonly object: ManifestObject;
  readonly judge: Judgement;
}

/** What BGP needs, and what came before pools; none of it has an effect. */
const withoutEffect: Readonly<Record<string, string>> = {
  BGPPeer: "Steelyard announces on layer 2 only",
  BGPAdvertisement: "Steelyard announces on layer 2 only",
  BFDProfile: "Steelyard announces on layer 2 only",
  Community: "Steelyard announces on layer 2 only",
  AddressPool: "its place is taken by IPAddressPool and L2Advertisement",
};

/** What Steelyard and MetalLB write by themselves: a copy of a cluster may hold them. */
const outputKinds: readonly string[] = [
  ...Object.values(ownKinds).map(({ kind }) => kind),
  ...["ConfigurationState", "ServiceL2Status", "ServiceBGPStatus", "BGPSessionStatus"],
];

/**
 * What is wrong with the objects of files, were all of them applied to `cluster`. Services are
 * decided on in their order, each after those before it got what they ask for.
 */
export function checkObjects(
  objects: readonly ManifestObject[],
  cluster: PlannedCluster,
  settings: CheckSettings,
): { readonly checked: number; readonly findings: readonly CheckedFinding[] } {
  const items = objects.flatMap((object) => itemOf(object, cluster, settings) ?? []);
  const known = cluster.known();
  const seen = new Map<string, ManifestObject>();
  const findings = items.flatMap((item) => {
    const { object, kind, namespace, name } = item;
    const key = `${kind} ${namespace} ${name}`;
    const first = seen.get(key);
    seen.set(key, first ?? object);
    const twice =
      first === undefined
        ? []
        : [warn(`it is in ${first.file}:${first.line} as well: the last one applied counts`)];
    return [...twice, ...item.judge(known)].map((finding) => located(finding, item));
  });
  return { checked: items.length, findings };
}

function located(finding: Finding, { object, kind, namespace, name }: Item): CheckedFinding {
  const { field } = finding;
  const line = field === undefined ? object.line : object.lineOf(field);
  return { file: object.file, line, kind, namespace, name, ...finding, command: undefined };
}

function itemOf(
  object: ManifestObject,
  cluster: PlannedCluster,
  settings: CheckSettings,
): Item | undefined {
  const kind = textField(object.raw, "kind") ?? "";
  const group = groupOf(object.raw);
  const place = placeOf(group, kind, settings);
  if (place === undefined) {
    return undefined;
  }
  const namespace =
    place === "cluster" ? undefined : (textField(object.raw, "metadata", "namespace") ?? place);
  const name = textField(object.raw, "metadata", "name");
  const generated = textField(object.raw, "metadata", "generateName");
  const item = { object, group, kind, namespace, name: name ?? `${generated ?? ""}…` };
  const metadata = { ...(object.raw as { metadata: object }).metadata, name: item.name, namespace };
  const raw = { ...(object.raw as object), metadata };
  return name === undefined && generated === undefined
    ? { ...item, raw, judge: () => [refuse("it has no name", "metadata")] }
    : { ...item, raw, judge: judgementOf({ ...item, raw }, cluster, settings) };
}

/** In which namespace an object is that names none; `cluster`: in none; undefined: it is not ours to check. */
function placeOf(group: string, kind: string, settings: CheckSettings): string | undefined {
  switch (group) {
    case "metallb.io":
      return settings.configNamespace;
    case "steelyard.dev":
      return "cluster";
    case "":
      return kind === "Service" ? settings.namespace : kind === "Namespace" ? "cluster" : undefined;
    default:
      return undefined;
  }
}

/** Puts the object into the cluster, and tells how to judge it afterwards. */
function judgementOf(
  { group, kind, raw, namespace }: Written,
  cluster: PlannedCluster,
  settings: CheckSettings,
): Judgement {
  const { stores } = cluster;
  const part = partOfConfiguration(group, kind);
  if (part !== undefined) {
    const isRead = !configurationKinds[part].namespaced || namespace === settings.configNamespace;
    return isRead
      ? putConfiguration(part, raw, cluster)
      : () => [elsewhere(kind, settings.configNamespace)];
  }
  switch (`${group}/${kind}`) {
    case "/Namespace":
      cluster.put(stores.namespaces, decodeNamespace, raw);
      return () => [];
    case "/Service": {
      const service = putService(raw, cluster, settings.loadBalancerClass);
      return (known) => serviceCheckFindings(service, known, cluster, settings.offline);
    }
    default: {
      const why = withoutEffect[kind];
      if (why !== undefined) {
        return () => [warn(`it has no effect: ${why}`)];
      }
      const words = `${group} has no kind ${kind}: correct kind or apiVersion`;
      return () => (outputKinds.includes(kind) ? [] : [refuse(words, "kind")]);
    }
  }
}

function partOfConfiguration(group: string, kind: string): ConfigurationKind | undefined {
  const parts = Object.keys(configurationKinds) as ConfigurationKind[];
  return parts.find((part) => {
    const resource = configurationKinds[part];
    return resource.group === group && resource.kind === kind;
  });
}

function groupOf(raw: unknown): string {
  const apiVersion = textField(raw, "apiVersion") ?? "";
  return apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
}
