import type {
  L2Speaker,
  SpeakerFailure,
  SpeakerInterface,
  SpeakerReport,
} from "../../core/model/l2-speaker.ts";
import type { AnnounceFailure } from "../../core/model/reason.ts";
import { parseIpAddress } from "../../core/net/ip-address.ts";
import { parseIpPrefix } from "../../core/net/ip-prefix.ts";
import { parseMacAddress } from "../../core/net/mac-address.ts";
import type { Stored } from "../store.ts";
import { booleanField, field, listField, numberField, textField, textListField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** An L2Speaker and which version of it this is. */
export interface L2SpeakerObject extends Stored {
  /** The uid of its Node, with which it goes. */
  readonly nodeUid: string | undefined;
  readonly speaker: L2Speaker;
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
  return { key, uid, resourceVersion, nodeUid, speaker: { node: name, report } };
}

function decodeReport(status: unknown): SpeakerReport {
  return {
    interfaces: listField(status, "interfaces").map(decodeInterface),
    defaultGateways: textListField(status, "defaultGateways").flatMap(
      (text) => parseIpAddress(text) ?? [],
    ),
    highestTerm: numberField(status, "highestTerm") ?? 0,
    ignoredBundles: textListField(status, "ignoredBundles"),
    applied: {
      allocations: version(textField(status, "applied", "allocations")),
      bundles: version(textField(status, "applied", "bundles")),
    },
    failures: listField(status, "failures").flatMap((item) => decodeFailure(item) ?? []),
  };
}

function decodeInterface(raw: unknown): SpeakerInterface {
  return {
    name: textField(raw, "name") ?? "",
    mac: parseMacAddress(textField(raw, "mac") ?? ""),
    carrier: booleanField(raw, "carrier") ?? false,
    usable: booleanField(raw, "usable") ?? false,
    prefixes: textListField(raw, "prefixes").flatMap((text) => parseIpPrefix(text) ?? []),
  };
}

const failureReasons: readonly string[] = [
  "InterfaceMissing",
  "NoUsableInterface",
  "AnnouncementRefused",
  "FamilyNotAnnounced",
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
