import type { ReflectorState } from "./reflector.ts";

/** A kind of objects that is followed. */
export interface WatchedKind {
  readonly kind: string;
  readonly store: { readonly synced: boolean };
  readonly reflector: { readonly state: ReflectorState };
}

/** Kinds that were never listed completely yet, with the last error of each. */
export function notSynced(watches: readonly WatchedKind[]): readonly string[] {
  return watches
    .filter(({ store }) => !store.synced)
    .map((watch) => `${watch.kind}: not listed yet${why(watch)}`);
}

/** Kinds that are known and not followed now, with the last error of each. What is known stays in force. */
export function interrupted(watches: readonly WatchedKind[]): readonly string[] {
  return watches
    .filter(({ store, reflector }) => store.synced && !reflector.state.connected)
    .map((watch) => `${watch.kind}: watch interrupted${why(watch)}`);
}

function why({ reflector }: WatchedKind): string {
  const { lastError } = reflector.state;
  return lastError === undefined ? "" : `: ${lastError}`;
}
