import {
  addressOfAllocationName,
  type Holder,
  type IpAllocation,
} from "../../core/model/ip-allocation.ts";
import { parseIpAddress } from "../../core/net/ip-address.ts";
import { parseMacAddress } from "../../core/net/mac-address.ts";
import type { Stored } from "../store.ts";
import { dateField, listField, numberField, textField } from "./fields.ts";
import { interned } from "./interned.ts";
import { decodeMetadata } from "./metadata.ts";

/** An IPAllocation and which version of it this is. */
export interface IpAllocationObject extends Stored {
  readonly allocation: IpAllocation;
  /** In ms since 1970; 0: not known. */
  readonly createdAt: number;
}

/**
 * Reads an IPAllocation. Its name is the address, so only an object that the CRD's
 * rules would never have let in is skipped. What a newer version has added is no
 * reason to take the address for free.
 */
export function decodeIpAllocation(raw: unknown): IpAllocationObject | undefined {
  const { key, name, uid, resourceVersion } = decodeMetadata(raw);
  const address =
    parseIpAddress(textField(raw, "spec", "address") ?? "") ?? addressOfAllocationName(name);
  if (address === undefined) {
    return undefined;
  }
  const bundle = textField(raw, "spec", "bundle");
  const holders = listField(raw, "spec", "holders").map(decodeHolder);
  return {
    key,
    uid,
    resourceVersion,
    createdAt: dateField(raw, "metadata", "creationTimestamp"),
    allocation: {
      address,
      pool: interned(textField(raw, "spec", "pool") ?? ""),
      holders,
      state: decodeState(textField(raw, "spec", "state"), holders),
      bundle: bundle === undefined ? undefined : interned(bundle),
      ...decodeClaimant(raw),
    },
  };
}

function decodeClaimant(raw: unknown): Pick<IpAllocation, "claimant"> {
  const mac = parseMacAddress(textField(raw, "spec", "claimant", "mac") ?? "");
  const node = textField(raw, "spec", "claimant", "node") ?? "";
  return mac === undefined ? {} : { claimant: { mac, node } };
}

/**
 * A state that a newer version knows: who is named as holder keeps the address, as
 * it was served until now; with nobody named it is taken and nobody's.
 */
function decodeState(state: string | undefined, holders: readonly Holder[]): IpAllocation["state"] {
  if (state === "Allocated" || state === "Cooling" || state === "Quarantined") {
    return state;
  }
  return holders.length > 0 ? "Allocated" : "Quarantined";
}

function decodeHolder(raw: unknown): Holder {
  const sharingKey = textField(raw, "sharingKey") ?? "";
  return {
    namespace: interned(textField(raw, "namespace") ?? ""),
    name: textField(raw, "name") ?? "",
    uid: textField(raw, "uid") ?? "",
    ports: listField(raw, "ports").map((port) => ({
      protocol: textField(port, "protocol") ?? "TCP",
      port: numberField(port, "port") ?? 0,
    })),
    ...(sharingKey === ""
      ? {}
      : { sharing: { key: sharingKey, backend: textField(raw, "backend") ?? "" } }),
  };
}
