import { currentHolders, type Holder, type IpAllocation } from "../model/ip-allocation.ts";
import { serviceKey } from "../model/service.ts";

/**
 * The Services that a change of an allocation concerns, as `namespace/name`: who came, went or
 * changed; all of its holders only if something else than its holders changed, or one went.
 */
export function concernedHolders(
  before: IpAllocation | undefined,
  after: IpAllocation | undefined,
): readonly string[] {
  const [old, now] = [holdersByKey(before), holdersByKey(after)];
  const all = [...new Set([...now.keys(), ...old.keys()])];
  const onlyHolders =
    before !== undefined &&
    before.state === after?.state &&
    before.pool === after.pool &&
    before.bundle === after.bundle;
  const someLeft = [...old.keys()].some((key) => !now.has(key));
  return onlyHolders && !someLeft
    ? all.filter((key) => !sameHolder(old.get(key), now.get(key)))
    : all;
}

/** True if somebody came, went or changed: it may be in use by others than those named in a refusal. */
export function holdersChanged(
  before: IpAllocation | undefined,
  after: IpAllocation | undefined,
): boolean {
  const [old, now] = [holdersByKey(before), holdersByKey(after)];
  return (
    old.size !== now.size || [...now].some(([key, holder]) => !sameHolder(old.get(key), holder))
  );
}

/**
 * The sharing keys whose owners could join the address now and could not before: there are
 * holders with that key, and one of the holders came, went or changed.
 */
export function openedSharingKeys(
  before: IpAllocation | undefined,
  after: IpAllocation | undefined,
): readonly string[] {
  if (!holdersChanged(before, after)) {
    return [];
  }
  const holders = [...holdersByKey(after).values()];
  return [...new Set(holders.flatMap(({ sharing }) => sharing?.key ?? []))];
}

function holdersByKey(allocation: IpAllocation | undefined): ReadonlyMap<string, Holder> {
  return new Map(currentHolders(allocation).map((holder) => [serviceKey(holder), holder]));
}

function sameHolder(a: Holder | undefined, b: Holder | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
