import {
  type Dataplane,
  dataplaneStates,
  type L2Speaker,
  reportedConflictsMax,
  type SpeakerConflict,
  type SpeakerFailure,
  type SpeakerInterface,
  type SpeakerOrders,
  type SpeakerReport,
} from "../../core/model/l2-speaker.ts";
import type { AnnounceFailure } from "../../core/model/reason.ts";
import { type IpAddress, parseIpAddress } from "../../core/net/ip-address.ts";
import { parseIpPrefix } from "../../core/net/ip-prefix.ts";
import { parseMacAddress } from "../../core/net/mac-address.ts";
import { type InterfaceState, interfaceStates } from "../../core/net/network-interface.ts";
import type { Stored } from "../store.ts";
import { booleanField, field, listField, numberField, textField, textListField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** An L2Speaker and which version of it this is. */
export interface L2SpeakerObject extends Stored {
  /** The uid of its Node, with which it goes. */
  readonly nodeUid: string | undefined;
  readonly speaker: L2Speaker;
  readonly orders: SpeakerOrders;
}

/** Reads an L2Speaker. */
export function decodeL2Speaker(raw: unknown): L2SpeakerObject {
  const { key, name, uid, resourceVersion } = decodeMetadata(raw);
  const status = field(raw, "status");
  const report = status === undefined ? undefined : decodeReport(status);
  const nodeUid = textField(
    listField(raw, "metadata", "ownerReferences").find(
      (owner) => textField(owner, "kind") === "Node",
    ),
    "uid",
  );
  const orders = decodeOrders(field(raw, "spec"));
  return { key, uid, resourceVersion, nodeUid, speaker: { node: name, report }, orders };
}

function decodeReport(status: unknown): SpeakerReport {
  return {
    interfaces: listField(status, "interfaces").map(decodeInterface),
    defaultGateways: addressList(status, "defaultGateways"),
    dataplane: decodeDataplane(field(status, "dataplane")),
    highestTerm: numberField(status, "highestTerm") ?? 0,
    ignoredBundles: textListField(status, "ignoredBundles"),
    applied: {
      allocations: version(textField(status, "applied", "allocations")),
      bundles: version(textField(status, "applied", "bundles")),
    },
    failures: listField(status, "failures").flatMap((item) => decodeFailure(item) ?? []),
    ...decodeSeen(status),
  };
}

function decodeSeen(status: unknown): Pick<SpeakerReport, "conflicts" | "clear"> {
  const conflicts = listField(status, "conflicts")
    .slice(0, reportedConflictsMax)
    .flatMap((item) => decodeConflict(item) ?? []);
  const clear = addressList(status, "clear");
  return {
    ...(conflicts.length === 0 ? {} : { conflicts }),
    ...(clear.length === 0 ? {} : { clear }),
  };
}

function decodeConflict(raw: unknown): SpeakerConflict | undefined {
  const claim = decodeClaim(raw);
  const held = booleanField(raw, "held") ?? false;
  return claim && { ...claim, interface: textField(raw, "interface") ?? "", held };
}

function decodeClaim(raw: unknown): Pick<SpeakerConflict, "address" | "mac"> | undefined {
  const address = parseIpAddress(textField(raw, "address") ?? "");
  const mac = parseMacAddress(textField(raw, "mac") ?? "");
  return address === undefined || mac === undefined ? undefined : { address, mac };
}

function decodeOrders(spec: unknown): SpeakerOrders {
  return {
    probes: addressList(spec, "probes"),
    intruders: listField(spec, "intruders").flatMap((item) => decodeClaim(item) ?? []),
  };
}

function addressList(raw: unknown, name: string): readonly IpAddress[] {
  return textListField(raw, name).flatMap((text) => parseIpAddress(text) ?? []);
}

function decodeDataplane(raw: unknown): Dataplane | undefined {
  const state = dataplaneStates.find((known) => known === textField(raw, "state"));
  return state === undefined ? undefined : { state, message: textField(raw, "message") ?? "" };
}

function decodeInterface(raw: unknown): SpeakerInterface {
  const usable = booleanField(raw, "usable") ?? false;
  const carrier = booleanField(raw, "carrier") ?? false;
  return {
    name: textField(raw, "name") ?? "",
    mac: parseMacAddress(textField(raw, "mac") ?? ""),
    carrier,
    usable,
    state: stateOf(textField(raw, "state"), usable, carrier),
    prefixes: textListField(raw, "prefixes").flatMap((text) => parseIpPrefix(text) ?? []),
  };
}

/** A speaker of 0.1.0 tells no state, and a newer one may know states that we do not. */
function stateOf(text: string | undefined, usable: boolean, carrier: boolean): InterfaceState {
  const known = interfaceStates.find((state) => state === text);
  if (known !== undefined && (known === "Usable") === usable) {
    return known;
  }
  return usable ? "Usable" : carrier ? "NoArp" : "NoCarrier";
}

const failureReasons: readonly string[] = [
  "InterfaceMissing",
  "NoUsableInterface",
  "AnnouncementRefused",
  "LinkFailed",
] satisfies readonly AnnounceFailure[];

function decodeFailure(raw: unknown): SpeakerFailure | undefined {
  const address = parseIpAddress(textField(raw, "address") ?? "");
  const reason = textField(raw, "reason") ?? "";
  if (address === undefined) {
    return undefined;
  }
  // A newer speaker may know reasons that we do not; the message still tells.
  const known = failureReasons.includes(reason) ? (reason as AnnounceFailure) : "LinkFailed";
  return { address, reason: known, message: textField(raw, "message") ?? reason };
}

function version(text: string | undefined): bigint {
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : 0n;
}
