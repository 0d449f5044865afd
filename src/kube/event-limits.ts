import type { EventNote, EventObject } from "./event-note.ts";
import { RecentMap } from "./recent-map.ts";

/** What is the same, or similar, within this time counts up one Event instead of making another. */
export const sameEventMs = 600_000;

/** So many messages of one reason about one object have Events of their own. */
const messagesApart = 10;
/** So many Events about one object are written at once, and then one more in five minutes. */
const objectBurst = 25;
const objectRefillMs = 300_000;
/** Objects, and reasons of an object, that are remembered. */
const remembered = 4_096;

interface Similar {
  /** At most {@link messagesApart}. */
  readonly messages: Set<string>;
  lastAt: number;
}

interface Budget {
  /** Writes that are left, with fractions. */
  left: number;
  at: number;
}

/**
 * Keeps one object from filling `kubectl describe` and etcd, by the figures of
 * client-go: what differs in the message only is combined after ten Events, and
 * an object has a budget of writes. Times are monotonic milliseconds.
 */
export class EventLimits {
  readonly #similar = new RecentMap<Similar>(remembered);
  readonly #budgets = new RecentMap<Budget>(remembered);

  /** Which Event tells `note`, and how: one of its own, or the one for all similar ones. */
  place(note: EventNote, now: number): { readonly key: string; readonly note: EventNote } {
    const { object, type, reason, message } = note;
    const group = [...identityOf(object), type, reason];
    const none = (): Similar => ({ messages: new Set(), lastAt: now });
    const similar = this.#similar.get(JSON.stringify(group), none);
    if (now - similar.lastAt > sameEventMs) {
      similar.messages.clear();
    }
    similar.lastAt = now;
    if (similar.messages.size < messagesApart) {
      similar.messages.add(message);
    }
    return similar.messages.has(message)
      ? { key: JSON.stringify([...group, message]), note }
      : {
          key: JSON.stringify(group),
          note: { ...note, message: `several like this, here the latest: ${message}` },
        };
  }

  /** Takes one write from the budget of `object`; false: there is none left. */
  spend(object: EventObject, now: number): boolean {
    const full = (): Budget => ({ left: objectBurst, at: now });
    const budget = this.#budgets.get(JSON.stringify(identityOf(object)), full);
    budget.left = Math.min(objectBurst, budget.left + (now - budget.at) / objectRefillMs);
    budget.at = now;
    if (budget.left < 1) {
      return false;
    }
    budget.left -= 1;
    return true;
  }
}

function identityOf({ kind, namespace, name, uid }: EventObject): readonly unknown[] {
  return [kind, namespace, name, uid];
}
