import { chooseInterfaces } from "../model/interface-choice.ts";
import type { SpeakerInterface } from "../model/l2-speaker.ts";
import { formatIpAddress, isNeverAssignable } from "../net/ip-address.ts";
import type { IpPrefix } from "../net/ip-prefix.ts";
import { type IpRange, rangesOverlap } from "../net/ip-range.ts";

/**
 * True if the node with these interfaces cannot announce some addresses of `ranges`, because the
 * interface whose subnet holds them is down for now: it announces them nowhere else.
 */
export function losesSubnet(
  interfaces: readonly SpeakerInterface[],
  ranges: readonly IpRange[],
): boolean {
  return interfaces
    .filter(({ state }) => state === "Down" || state === "NoCarrier" || state === "Refused")
    .flatMap(({ prefixes }) => prefixes.filter(({ address }) => !isNeverAssignable(address)))
    .some((prefix) =>
      ranges.some((range) => {
        const first = firstInBoth(prefix, range);
        return (
          first !== undefined &&
          chooseInterfaces(interfaces, [], formatIpAddress(range.family, first)).kind === "failed"
        );
      }),
    );
}

/** The smallest number in both; `undefined`: they have none in common. */
function firstInBoth(prefix: IpPrefix, range: IpRange): bigint | undefined {
  if (!rangesOverlap(prefix, range)) {
    return undefined;
  }
  const startsInside = prefix.first <= range.first;
  return startsInside ? range.first : prefix.first;
}
