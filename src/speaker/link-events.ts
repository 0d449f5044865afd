import { readDefaultGateways } from "../link/default-gateways.ts";
import type { LinkEvent } from "../link/link.ts";
import type { Log } from "../runtime/log.ts";
import type { AnnouncementDriver } from "./announcement-driver.ts";
import type { ConflictWatch } from "./conflict-watch.ts";
import type { ExcludedInterfaces } from "./excluded-interfaces.ts";

/** What was heard on the network, counted. */
export interface HeardCounts {
  /** Frames in which another host claims an address that this node answers or looks for. */
  claims: number;
  /** Events that were too many to be told. */
  dropped: number;
}

/** Who is told what the link has to say. */
export interface LinkEventTakers {
  readonly driver: Pick<AnnouncementDriver, "linkChanged" | "socketChanged" | "claimed">;
  readonly excluded: ExcludedInterfaces;
  readonly conflicts: Pick<ConflictWatch, "claimed" | "networksChanged">;
  readonly heard: HeardCounts;
  readonly log: Log;
}

/** Hands on what the network told of itself; with each picture of the interfaces come the default gateways. */
export function takeLinkEvent(event: LinkEvent, takers: LinkEventTakers): void {
  const { driver, excluded, conflicts, heard, log } = takers;
  switch (event.kind) {
    case "interfaces":
      driver.linkChanged(excluded.mark(event.interfaces), readDefaultGateways());
      conflicts.networksChanged();
      break;
    case "socketOpen":
      driver.socketChanged(event.interface, event.family, undefined);
      break;
    case "claim":
      if (driver.claimed(event.address)) {
        break;
      }
      heard.claims += 1;
      conflicts.claimed(event);
      break;
    case "dropped":
      heard.dropped += event.count;
      break;
    case "socketError":
      log.error(event, "the link failed");
      driver.socketChanged(event.interface, event.family, event.message);
      break;
  }
}
