import type { Service } from "../model/service.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { Ledger } from "./ledger.ts";

/** A Service of ours and when it was created, in ms since 1970. */
export interface DatedService {
  readonly service: Service;
  readonly createdAt: number;
}

/**
 * What Services have had since before us, by their keys: addresses that their statuses show and no
 * allocation records. What cools down was given back, so it is no such. Of several that show the same
 * it is the oldest's, and theirs who have its sharing key: a status can be forged, an age cannot.
 */
export function liveAddresses(
  found: Iterable<DatedService>,
  ledger: Pick<Ledger, "get" | "heldBy">,
): ReadonlyMap<string, readonly IpAddress[]> {
  const live = new Map<string, IpAddress[]>();
  const oldest = new Map<IpAddress, Service>();
  const byAge = [...found].sort(
    (a, b) => a.createdAt - b.createdAt || (a.service.key < b.service.key ? -1 : 1),
  );
  for (const { service } of byAge) {
    const held = ledger.heldBy(service.key);
    for (const address of new Set(service.wantsAddress ? service.statusAddresses : [])) {
      const first = oldest.get(address) ?? service;
      oldest.set(address, first);
      const isFriend = service.sharing !== undefined && service.sharing.key === first.sharing?.key;
      const isUnrecorded = !held.includes(address) && ledger.get(address)?.state !== "Cooling";
      if (isUnrecorded && (first === service || isFriend)) {
        live.set(service.key, [...(live.get(service.key) ?? []), address]);
      }
    }
  }
  return live;
}
