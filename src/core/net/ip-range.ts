import {
  compareIpAddresses,
  familyOf,
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  parseIpAddress,
  toNumber,
} from "./ip-address.ts";
import { parseIpPrefix } from "./ip-prefix.ts";

/** A contiguous run of addresses of one family, both ends included. */
export interface IpRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** What {@link parseIpRange} made of a text; `warning` tells what was tolerated. */
export type ParsedRange =
  | { readonly ok: true; readonly range: IpRange; readonly warning: string | undefined }
  | { readonly ok: false; readonly error: string };

/**
 * Reads one entry of `IPAddressPool.spec.addresses`: a CIDR prefix or `first-last`.
 *
 * As MetalLB does, host bits of a prefix are masked off and blanks around the
 * ends of a range are ignored; both yield a warning. Mixed families, an end
 * before its start, and anything that `node:net` does not call an address are errors.
 */
export function parseIpRange(text: string): ParsedRange {
  const trimmed = text.trim();
  const dash = trimmed.indexOf("-");
  const parsed = dash < 0 ? parsePrefix(trimmed) : parseEnds(trimmed, dash);
  return parsed.ok && trimmed !== text
    ? { ...parsed, warning: parsed.warning ?? `"${text}" has blanks around it` }
    : parsed;
}

/** True if `address` lies in `range`. */
export function rangeContains(range: IpRange, address: IpAddress): boolean {
  if (familyOf(address) !== range.family) {
    return false;
  }
  const value = toNumber(address);
  return range.first <= value && value <= range.last;
}

/** True if the two ranges have an address in common. */
export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** The range as people write it: `first-last`, or one address. */
export function formatIpRange(range: IpRange): string {
  const first = formatIpAddress(range.family, range.first);
  return range.first === range.last
    ? first
    : `${first}-${formatIpAddress(range.family, range.last)}`;
}

function parsePrefix(text: string): ParsedRange {
  const prefix = parseIpPrefix(text);
  if (prefix === undefined) {
    const hint =
      parseIpAddress(text) === undefined
        ? leadingZeros(text, (without) => parseIpPrefix(without) !== undefined)
        : `; write ${text}/${text.includes(":") ? 128 : 32}`;
    return { ok: false, error: `"${text}" is neither a CIDR prefix nor a range first-last${hint}` };
  }
  const masked = `${formatIpAddress(prefix.family, prefix.first)}/${prefix.length}`;
  const warning =
    prefix.first === toNumber(prefix.address)
      ? undefined
      : `"${text}" has host bits set; it is read as ${masked}`;
  return {
    ok: true,
    range: { family: prefix.family, first: prefix.first, last: prefix.last },
    warning,
  };
}

function parseEnds(text: string, dash: number): ParsedRange {
  const [left, right] = [text.slice(0, dash), text.slice(dash + 1)];
  const [first, last] = [parseIpAddress(left.trim()), parseIpAddress(right.trim())];
  if (first === undefined || last === undefined) {
    const wrong = first === undefined ? left.trim() : right.trim();
    const hint = leadingZeros(wrong, (without) => parseIpAddress(without) !== undefined);
    return { ok: false, error: `"${text}": "${wrong}" is not an IP address${hint}` };
  }
  if (familyOf(first) !== familyOf(last)) {
    return { ok: false, error: `"${text}" mixes IPv4 and IPv6` };
  }
  if (compareIpAddresses(first, last) > 0) {
    return { ok: false, error: `"${text}" ends before it starts` };
  }
  return {
    ok: true,
    range: { family: familyOf(first), first: toNumber(first), last: toNumber(last) },
    warning:
      left === left.trim() && right === right.trim()
        ? undefined
        : `"${text}" has blanks around an address`,
  };
}

/** What to say of a text that only zeros before its numbers keep from being right. */
function leadingZeros(text: string, isRight: (text: string) => boolean): string {
  const without = text.replaceAll(/(?<![0-9])0+(?=[0-9])/g, "");
  const hint = `; numbers with leading zeros mean something else to some programs: write ${without}`;
  return text !== without && !text.includes(":") && isRight(without) ? hint : "";
}

/** The range as a prefix where it is one of more than one address, else as {@link formatIpRange} writes it. */
export function formatIpBlock(range: IpRange): string {
  const { family, first, last } = range;
  const size = last - first + 1n;
  const isPrefix = size > 1n && (size & (size - 1n)) === 0n && first % size === 0n;
  const hostBits = size.toString(2).length - 1;
  return isPrefix
    ? `${formatIpAddress(family, first)}/${(family === 4 ? 32 : 128) - hostBits}`
    : formatIpRange(range);
}
