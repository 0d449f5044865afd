import { type Finding, refuse } from "../../core/admission/finding.ts";
import type { KnownCluster } from "../../core/admission/known-cluster.ts";
import { serviceFindings } from "../../core/admission/service-findings.ts";
import { carryOut } from "../../core/allocation/carry-out.ts";
import { decide } from "../../core/allocation/decide.ts";
import type { Service } from "../../core/model/service.ts";
import { familyOf, type IpFamily } from "../../core/net/ip-address.ts";
import { field, textField, textListField } from "../../kube/decode/fields.ts";
import { decodeService } from "../../kube/decode/service.ts";
import type { PlannedCluster } from "./planned-cluster.ts";

/** Puts a Service of a file into the planned cluster, and returns it as it will be there. */
export function putService(
  raw: unknown,
  cluster: PlannedCluster,
  loadBalancerClass: string,
): Service {
  const decode = (one: unknown): ReturnType<typeof decodeService> =>
    decodeService(one, loadBalancerClass);
  const { service } = decode(raw);
  const families = familiesOf(raw, service, cluster);
  return cluster.put(cluster.stores.services, decode, withClusterIPs(raw, families)).after.service;
}

/** What is wrong with the Service; what it gets is taken from then on. */
export function serviceCheckFindings(
  service: Service,
  known: KnownCluster,
  cluster: PlannedCluster,
  offline: boolean,
): readonly Finding[] {
  if (offline && known.pools.length === 0) {
    // Files without a pool say nothing of what can be had.
    const { error } = service.wish;
    return service.wantsAddress && error !== undefined ? [refuse(error)] : [];
  }
  const findings = serviceFindings({ before: undefined, after: service }, known);
  const decision = decide(service, known.allocation);
  // Written, and not only in the ledger: who changed gives way to who joined before.
  carryOut(decision, service, known.allocation, (allocation) => cluster.allocate(allocation));
  return findings;
}

/** The IP families that the API server will give the Service, or has given it. */
function familiesOf(
  raw: unknown,
  service: Service,
  { stores }: PlannedCluster,
): readonly IpFamily[] {
  const existing = stores.services.get(service.key)?.service.families ?? [];
  if (existing.length > 0) {
    return existing;
  }
  const asked = textListField(raw, "spec", "ipFamilies").map((text) => (text === "IPv6" ? 6 : 4));
  const served = [...stores.serviceCidrs.values()].flatMap(({ prefixes }) => prefixes);
  const candidates = [
    asked,
    served.map(({ family }) => family),
    service.wish.addresses.map(familyOf),
    [4 as const],
  ];
  const families = [...new Set(candidates.find((list) => list.length > 0))];
  switch (service.familyPolicy) {
    case "SingleStack":
      return families.slice(0, 1);
    case "PreferDualStack":
      return families;
    case "RequireDualStack":
      return families[0] === 6 ? [6, 4] : [4, 6];
  }
}

/** A file has no cluster IPs, but what a Service may have hangs on their families. */
function withClusterIPs(raw: unknown, families: readonly IpFamily[]): unknown {
  const isGiven =
    textField(raw, "spec", "clusterIP") !== undefined ||
    textListField(raw, "spec", "clusterIPs").length > 0;
  if (isGiven) {
    return raw;
  }
  const clusterIPs = families.map((family) => (family === 4 ? "0.0.0.0" : "::"));
  const spec = { ...(field(raw, "spec") as object | undefined), clusterIPs };
  return { ...(raw as object), spec };
}
