/** How long a node that came back must have stayed before it gets anything that another could have. */
export const holdDownMs = 60_000;

/** What is remembered of the nodes: which are gone, and which came back when. */
export interface NodeReturns {
  /** Could announce before, or is known to have been there, and cannot now. */
  readonly gone: ReadonlySet<string>;
  readonly returnedAt: ReadonlyMap<string, number>;
}

/** One node as it is now. */
export interface NodePresence {
  readonly node: string;
  /** True if it could announce, were it asked to. */
  readonly able: boolean;
  /** Its speaker has reported before; one that never did is new, and has nothing to recover from. */
  readonly known: boolean;
}

/** Nothing is remembered: what is able at the first look counts as having always been. */
export const noReturns: NodeReturns = { gone: new Set(), returnedAt: new Map() };

/** Takes in how the nodes are now, all of them; one that is not among them is forgotten. */
export function noteReturns(
  before: NodeReturns,
  nodes: readonly NodePresence[],
  now: number,
): NodeReturns {
  const gone = new Set<string>();
  const returnedAt = new Map<string, number>();
  for (const { node, able, known } of nodes) {
    const returned = before.gone.has(node) ? now : before.returnedAt.get(node);
    if (!able && known) {
      gone.add(node);
    } else if (able && returned !== undefined && now < returned + holdDownMs) {
      returnedAt.set(node, returned);
    }
  }
  return { gone, returnedAt };
}

/** When the first node that came back has stayed long enough; `undefined`: none waits. */
export function nextRelease({ returnedAt }: NodeReturns): number | undefined {
  return returnedAt.size === 0 ? undefined : Math.min(...returnedAt.values()) + holdDownMs;
}
