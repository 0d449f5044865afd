import type { Holder, IpAllocation } from "../../core/model/ip-allocation.ts";
import { parseIpAddress } from "../../core/net/ip-address.ts";
import type { Stored } from "../store.ts";
import { listField, numberField, textField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** An IPAllocation and which version of it this is. */
export interface IpAllocationObject extends Stored {
  readonly allocation: IpAllocation;
}

/** Reads an IPAllocation. The CRD's rules guarantee the address; without one the object is skipped. */
export function decodeIpAllocation(raw: unknown): IpAllocationObject | undefined {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  const address = parseIpAddress(textField(raw, "spec", "address") ?? "");
  const state = textField(raw, "spec", "state");
  if (address === undefined) {
    return undefined;
  }
  return {
    key,
    uid,
    resourceVersion,
    allocation: {
      address,
      pool: textField(raw, "spec", "pool") ?? "",
      holders: listField(raw, "spec", "holders").map(decodeHolder),
      state: state === "Cooling" || state === "Quarantined" ? state : "Allocated",
      bundle: textField(raw, "spec", "bundle"),
    },
  };
}

function decodeHolder(raw: unknown): Holder {
  return {
    namespace: textField(raw, "namespace") ?? "",
    name: textField(raw, "name") ?? "",
    uid: textField(raw, "uid") ?? "",
    ports: listField(raw, "ports").map((port) => ({
      protocol: textField(port, "protocol") ?? "TCP",
      port: numberField(port, "port") ?? 0,
    })),
  };
}
