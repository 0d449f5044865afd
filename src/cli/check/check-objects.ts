import type { AdmissionSettings } from "../../controller/admission/admission-judge.ts";
import {
  advertisementFindings,
  unannouncedPools,
} from "../../core/admission/advertisement-findings.ts";
import { type Finding, refuse, warn } from "../../core/admission/finding.ts";
import type { KnownCluster } from "../../core/admission/known-cluster.ts";
import { policyFindings } from "../../core/admission/policy-findings.ts";
import { poolFindings } from "../../core/admission/pool-findings.ts";
import { decodeAddressPolicy } from "../../kube/decode/address-policy.ts";
import { textField } from "../../kube/decode/fields.ts";
import {
  decodeIpAddressPool,
  type IpAddressPoolObject,
} from "../../kube/decode/ip-address-pool.ts";
import {
  decodeL2Advertisement,
  type L2AdvertisementObject,
} from "../../kube/decode/l2-advertisement.ts";
import { decodeNamespace } from "../../kube/decode/namespace.ts";
import type { ManifestObject } from "../../kube/manifest.ts";
import type { CheckedFinding } from "./checked-finding.ts";
import type { PlannedCluster } from "./planned-cluster.ts";
import { putService, serviceCheckFindings } from "./service-check.ts";

export interface CheckSettings extends AdmissionSettings {
  /** Of objects that name none; pools and advertisements are then taken for the configuration. */
  readonly namespace: string;
  /** There are only files: what they do not say is not known. */
  readonly offline: boolean;
}

/** One object of ours in a file, read. */
interface Item {
  readonly object: ManifestObject;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly raw: unknown;
  /** Its findings, once all objects are in the planned cluster. */
  judge: (known: KnownCluster) => readonly Finding[];
}

/** What BGP needs, and what came before pools; none of it has an effect. */
const withoutEffect: Readonly<Record<string, string>> = {
  BGPPeer: "Steelyard announces on layer 2 only",
  BGPAdvertisement: "Steelyard announces on layer 2 only",
  BFDProfile: "Steelyard announces on layer 2 only",
  Community: "Steelyard announces on layer 2 only",
  AddressPool: "its place is taken by IPAddressPool and L2Advertisement",
};

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
  const item = { object, kind, namespace, name: name ?? `${generated ?? ""}…`, raw: object.raw };
  if (name === undefined && generated === undefined) {
    return { ...item, judge: () => [refuse("it has no name", "metadata")] };
  }
  const metadata = { ...(object.raw as { metadata: object }).metadata, name: item.name, namespace };
  const raw = { ...(object.raw as object), metadata };
  return {
    ...item,
    raw,
    judge: judgementOf(`${group}/${kind}`, { ...item, raw }, cluster, settings),
  };
}

/** In which namespace an object is that names none; `cluster`: in none; undefined: it is not ours to check. */
function placeOf(group: string, kind: string, settings: CheckSettings): string | undefined {
  switch (group) {
    case "metallb.io":
      return settings.configNamespace;
    case "steelyard.dev":
      return kind === "AddressPolicy" ? "cluster" : undefined;
    case "":
      return kind === "Service" ? settings.namespace : kind === "Namespace" ? "cluster" : undefined;
    default:
      return undefined;
  }
}

/** Puts the object into the cluster, and tells how to judge it afterwards. */
function judgementOf(
  kind: string,
  { raw, namespace }: Pick<Item, "raw" | "namespace">,
  cluster: PlannedCluster,
  settings: CheckSettings,
): Item["judge"] {
  const { stores } = cluster;
  const elsewhere = namespace !== settings.configNamespace;
  switch (kind) {
    case "/Namespace":
      cluster.put(stores.namespaces, decodeNamespace, raw);
      return () => [];
    case "/Service": {
      const service = putService(raw, cluster, settings.loadBalancerClass);
      return (known) => serviceCheckFindings(service, known, settings.offline);
    }
    case "steelyard.dev/AddressPolicy": {
      const before = cluster.put(stores.policies, decodeAddressPolicy, raw);
      return (known) => policyFindings({ before, after: decodeAddressPolicy(raw) }, known);
    }
    case "metallb.io/IPAddressPool": {
      if (elsewhere) {
        return () => [notRead(settings)];
      }
      const before = cluster.put(stores.pools, decodeIpAddressPool, raw);
      return (known) => judgePool(before, decodeIpAddressPool(raw), known);
    }
    case "metallb.io/L2Advertisement": {
      if (elsewhere) {
        return () => [notRead(settings)];
      }
      const before = cluster.put(stores.advertisements, decodeL2Advertisement, raw);
      return (known) => judgeAdvertisement(before, decodeL2Advertisement(raw), known);
    }
    default: {
      const why = withoutEffect[kind.split("/")[1] ?? ""];
      return () => (why === undefined ? [] : [warn(`it has no effect: ${why}`)]);
    }
  }
}

/** The others as they will be, and this one as it is: what goes is seen, and where it went. */
function judgePool(
  before: IpAddressPoolObject | undefined,
  after: IpAddressPoolObject,
  known: KnownCluster,
): readonly Finding[] {
  const others = known.pools.filter(({ name }) => name !== after.name);
  const pools = [...others, ...(before?.pool === undefined ? [] : [before.pool])];
  const planned = after.pool === undefined ? [] : [after.pool];
  const silent =
    known.advertisements.length > 0 && unannouncedPools(planned, known.advertisements).length > 0;
  return [
    ...poolFindings({ before, after }, { ...known, pools }),
    ...(silent
      ? [warn("no L2Advertisement covers it, so what it gives is not announced: create one")]
      : []),
  ];
}

function judgeAdvertisement(
  before: L2AdvertisementObject | undefined,
  after: L2AdvertisementObject,
  known: KnownCluster,
): readonly Finding[] {
  const others = known.advertisements.filter(({ name }) => name !== after.name);
  const old = before?.advertisement;
  const advertisements = [...others, ...(old === undefined ? [] : [old])];
  return advertisementFindings({ before, after }, { ...known, advertisements });
}

function notRead({ configNamespace }: CheckSettings): Finding {
  return warn(`Steelyard reads only namespace ${configNamespace}`, "metadata.namespace");
}

function groupOf(raw: unknown): string {
  const apiVersion = textField(raw, "apiVersion") ?? "";
  return apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
}
