import {
  type Change,
  eased,
  type Finding,
  reported,
  type SelfReport,
} from "../../core/admission/finding.ts";
import {
  elsewhere,
  findingsOf,
  type WrittenConfiguration,
} from "../../core/admission/findings-of.ts";
import type { KnownCluster } from "../../core/admission/known-cluster.ts";
import { serviceFindings } from "../../core/admission/service-findings.ts";
import { enumerated } from "../../core/model/enumerated.ts";
import type { Service } from "../../core/model/service.ts";
import type { AdmissionRequest, AdmissionVerdict } from "../../kube/admission-review.ts";
import { decodeAddressPolicy } from "../../kube/decode/address-policy.ts";
import { textField } from "../../kube/decode/fields.ts";
import { decodeIpAddressPool } from "../../kube/decode/ip-address-pool.ts";
import { decodeL2Advertisement } from "../../kube/decode/l2-advertisement.ts";
import { decodeService } from "../../kube/decode/service.ts";
import type { Resource } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import type { Stored } from "../../kube/store.ts";
import { configurationKinds } from "../definitions.ts";
import { hasLongLists } from "./long-lists.ts";

/** The kinds of which a configuration consists. */
export type ConfigurationKind = keyof WrittenConfiguration;

/** How an object of the configuration is read, whichever kind it is of. */
export const configurationDecoders: {
  readonly [K in ConfigurationKind]: (raw: unknown) => WrittenConfiguration[K] & Stored;
} = {
  pools: decodeIpAddressPool,
  advertisements: decodeL2Advertisement,
  policies: decodeAddressPolicy,
};

/** What judging needs to know beside the cluster. */
export interface AdmissionSettings {
  /** Where pools and advertisements are read. */
  readonly configNamespace: string;
  readonly loadBalancerClass: string;
}

/** What is asked about: an object as it is to be, and as it is. */
export type AdmissionChange = Pick<AdmissionRequest, "group" | "resource" | "object" | "oldObject">;

/**
 * What is wrong with a change. A kind that is none of ours, and an object on its way out, is fine.
 * One with very long lists is judged by itself only, and a Service with such not at all.
 */
export function judge(
  change: AdmissionChange,
  known: KnownCluster,
  settings: AdmissionSettings,
): readonly Finding[] {
  const { object, oldObject } = change;
  if (textField(object, "metadata", "deletionTimestamp") !== undefined) {
    return [];
  }
  const both = <T>(decode: (raw: unknown) => T): Change<T> => ({
    before: isNamed(oldObject) ? decode(oldObject) : undefined,
    after: isNamed(object) ? decode(object) : undefined,
  });
  const isLong = hasLongLists(object) || hasLongLists(oldObject);
  if (isOf(change, resources.services)) {
    if (isLong) {
      return [];
    }
    const decode = (raw: unknown): Service =>
      decodeService(raw, settings.loadBalancerClass).service;
    return serviceFindings(both(decode), known);
  }
  const kind = configurationKindOf(change);
  if (kind === undefined) {
    return [];
  }
  const resource = configurationKinds[kind];
  const namespace = textField(object ?? oldObject, "metadata", "namespace");
  if (resource.namespaced && namespace !== undefined && namespace !== settings.configNamespace) {
    return object === undefined ? [] : [elsewhere(resource.kind, settings.configNamespace)];
  }
  const about = <K extends ConfigurationKind>(one: K): readonly Finding[] => {
    const written = both(configurationDecoders[one]);
    return isLong ? reportedChange(written) : findingsOf(one, written, known);
  };
  return about(kind);
}

function reportedChange({ before, after }: Change<SelfReport>): readonly Finding[] {
  return after === undefined ? [] : eased(reported(after), before ? reported(before) : []);
}

/** The answer that findings amount to. */
export function verdictOf(findings: readonly Finding[]): AdmissionVerdict {
  const told = (severity: Finding["severity"]): readonly string[] =>
    findings.filter((finding) => finding.severity === severity).map(sentence);
  const refused = told("refuse");
  return {
    allowed: refused.length === 0,
    message: refused.length === 0 ? undefined : enumerated(refused, "; "),
    warnings: told("warn"),
  };
}

/** A finding in words. */
export function sentence({ field, message }: Finding): string {
  return field === undefined ? message : `${field}: ${message}`;
}

/** Which kind of the configuration is meant; undefined: none of it. */
function configurationKindOf(change: AdmissionChange): ConfigurationKind | undefined {
  const kinds = Object.keys(configurationDecoders) as ConfigurationKind[];
  return kinds.find((kind) => isOf(change, configurationKinds[kind]));
}

function isOf({ group, resource }: AdmissionChange, kind: Resource): boolean {
  return group === kind.group && resource === kind.plural;
}

function isNamed(raw: unknown): boolean {
  return textField(raw, "metadata", "name") !== undefined;
}
