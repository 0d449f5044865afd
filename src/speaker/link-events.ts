import { readDefaultGateways } from "../link/default-gateways.ts";
import type { LinkEvent } from "../link/link.ts";
import type { Log } from "../runtime/log.ts";
import type { Counter } from "../runtime/metrics.ts";
import type { AnnouncementDriver } from "./announcement-driver.ts";
import type { ExcludedInterfaces } from "./excluded-interfaces.ts";

/** Who is told what the link has to say. */
export interface LinkEventTakers {
  readonly driver: Pick<
    AnnouncementDriver,
    "linkChanged" | "socketChanged" | "servicesOf" | "claimed"
  >;
  readonly excluded: ExcludedInterfaces;
  /** Frames in which another host claims an address of ours. */
  readonly claims: Pick<Counter, "add">;
  readonly log: Log;
}

/** Hands on what the network told of itself; with each picture of the interfaces come the default gateways. */
export function takeLinkEvent(event: LinkEvent, takers: LinkEventTakers): void {
  const { driver, excluded, claims, log } = takers;
  switch (event.kind) {
    case "interfaces":
      driver.linkChanged(excluded.mark(event.interfaces), readDefaultGateways());
      break;
    case "socketOpen":
      driver.socketChanged(event.interface, event.family, undefined);
      break;
    case "claim":
      if (driver.claimed(event.address)) {
        break;
      }
      claims.add();
      log.warn(
        { service: driver.servicesOf(event.address), ...event },
        "another host claims an address that this node announces",
      );
      break;
    case "socketError":
      log.error(event, "the link failed");
      driver.socketChanged(event.interface, event.family, event.message);
      break;
  }
}
