import { advertisementFindings } from "../../core/admission/advertisement-findings.ts";
import { type Finding, warn } from "../../core/admission/finding.ts";
import type { KnownCluster } from "../../core/admission/known-cluster.ts";
import { policyFindings } from "../../core/admission/policy-findings.ts";
import { poolFindings } from "../../core/admission/pool-findings.ts";
import { serviceFindings } from "../../core/admission/service-findings.ts";
import type { AdmissionRequest, AdmissionVerdict } from "../../kube/admission-review.ts";
import { decodeAddressPolicy } from "../../kube/decode/address-policy.ts";
import { textField } from "../../kube/decode/fields.ts";
import { decodeIpAddressPool } from "../../kube/decode/ip-address-pool.ts";
import { decodeL2Advertisement } from "../../kube/decode/l2-advertisement.ts";
import { decodeService } from "../../kube/decode/service.ts";
import type { Resource } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";

/** What judging needs to know beside the cluster. */
export interface AdmissionSettings {
  /** Where pools and advertisements are read. */
  readonly configNamespace: string;
  readonly loadBalancerClass: string;
}

/** What is asked about: an object as it is to be, and as it is. */
export type AdmissionChange = Pick<AdmissionRequest, "group" | "resource" | "object" | "oldObject">;

/** What is wrong with a change. A kind that is none of ours, and an object on its way out, is fine. */
export function judge(
  change: AdmissionChange,
  known: KnownCluster,
  settings: AdmissionSettings,
): readonly Finding[] {
  const { object, oldObject } = change;
  if (textField(object, "metadata", "deletionTimestamp") !== undefined) {
    return [];
  }
  const both = <T>(
    decode: (raw: unknown) => T,
  ): { before: T | undefined; after: T | undefined } => ({
    before: isNamed(oldObject) ? decode(oldObject) : undefined,
    after: isNamed(object) ? decode(object) : undefined,
  });
  if (isOf(change, resources.services)) {
    return isNamed(object)
      ? serviceFindings(decodeService(object, settings.loadBalancerClass).service, known)
      : [];
  }
  if (isOf(change, resources.addressPolicies)) {
    return policyFindings(both(decodeAddressPolicy), known);
  }
  const [kind] = [resources.ipAddressPools, resources.l2Advertisements].filter((it) =>
    isOf(change, it),
  );
  if (kind === undefined) {
    return [];
  }
  const namespace = textField(object ?? oldObject, "metadata", "namespace");
  if (namespace !== undefined && namespace !== settings.configNamespace) {
    return object === undefined ? [] : [elsewhere(kind, settings)];
  }
  return kind === resources.ipAddressPools
    ? poolFindings(both(decodeIpAddressPool), known)
    : advertisementFindings(both(decodeL2Advertisement), known);
}

/** The answer that findings amount to. */
export function verdictOf(findings: readonly Finding[]): AdmissionVerdict {
  const told = (severity: Finding["severity"]): readonly string[] =>
    findings.filter((finding) => finding.severity === severity).map(sentence);
  const refused = told("refuse");
  return {
    allowed: refused.length === 0,
    message: refused.length === 0 ? undefined : refused.join("; "),
    warnings: told("warn"),
  };
}

/** A finding in words. */
export function sentence({ field, message }: Finding): string {
  return field === undefined ? message : `${field}: ${message}`;
}

function elsewhere({ kind }: Resource, { configNamespace }: AdmissionSettings): Finding {
  return warn(
    `Steelyard reads only the ${kind}s in namespace ${configNamespace}: this one has no effect on it`,
    "metadata.namespace",
  );
}

function isOf({ group, resource }: AdmissionChange, kind: Resource): boolean {
  return group === kind.group && resource === kind.plural;
}

function isNamed(raw: unknown): boolean {
  return textField(raw, "metadata", "name") !== undefined;
}
