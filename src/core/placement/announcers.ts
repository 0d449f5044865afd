import { type AddressAnnouncement, announcementOf } from "./announced.ts";

/** A node that announces addresses of a Service. */
export interface Announcer {
  readonly node: string;
  /** Those that the advertisements name, sorted; empty: any. */
  readonly interfaces: readonly string[];
}

/** Who announces a Service now. */
export interface Announcers {
  /** By node. */
  readonly known: readonly Announcer[];
  /** False while a node was chosen for one of its addresses and has not reported: who announced it may still do so. */
  readonly settled: boolean;
}

/** Returns the nodes that announce at least one of the addresses of a Service. */
export function announcersOf(announcements: readonly AddressAnnouncement[]): Announcers {
  const interfaces = new Map<string, readonly string[]>();
  let settled = true;
  for (const announcement of announcements) {
    const { status } = announcementOf(announcement);
    const { owner, interfaces: named = [] } = announcement;
    settled &&= status !== "Unknown";
    if (status === "True" && owner !== undefined) {
      interfaces.set(owner, union(interfaces.get(owner), named));
    }
  }
  const known = [...interfaces]
    .map(([node, names]) => ({ node, interfaces: names }))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  return { known, settled };
}

/** None named is any interface, which includes all that are. */
function union(a: readonly string[] | undefined, b: readonly string[]): readonly string[] {
  return a?.length === 0 || b.length === 0 ? [] : [...new Set([...(a ?? []), ...b])].sort();
}
