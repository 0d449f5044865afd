import type { SeededRandom } from "./seeded-random.ts";

/** How often what goes wrong between the processes and the API server; each a probability. */
export interface Weather {
  /** A request or an answer takes long: half a second to eight. */
  readonly slow: number;
  /** A request takes so long that its sender has given up or was replaced when it lands. */
  readonly late: number;
  /** A request never arrives. */
  readonly lost: number;
  /** The request took effect; its sender learns only that the connection broke. */
  readonly answerLost: number;
  /** The API server says 503. */
  readonly refused: number;
  /** The sender dies right before a write leaves it, or right after it took effect. */
  readonly crash: number;
  /** The sender of a write stands still from then on until it is replaced; the write lands after that. */
  readonly freeze: number;
  /** A watch falls behind by up to twelve seconds. */
  readonly stale: number;
  /** A watch breaks, or is told to begin anew. */
  readonly cut: number;
}

/** Nothing goes wrong. */
export const fairWeather: Weather = {
  slow: 0,
  late: 0,
  lost: 0,
  answerLost: 0,
  refused: 0,
  crash: 0,
  freeze: 0,
  stale: 0,
  cut: 0,
};

/** What people and machines do; each a probability per event, the rest changes Services. */
export interface Unrest {
  readonly pools: number;
  readonly advertisement: number;
  readonly nodes: number;
  /** A controller is stopped for a while, killed or asked to end. */
  readonly replicas: number;
  /** Of those, how many are asked to end, and so hand over at once. */
  readonly handovers: number;
}

/** What goes wrong and what happens, both by chance. */
interface Trouble {
  readonly weather: Weather;
  readonly unrest: Unrest;
}

/** One kind of trouble, for a while. */
export interface Theme extends Trouble {
  /** How long it lasts, in ms. */
  readonly stormMs: number;
}

const anyUnrest: Unrest = {
  pools: 0.08,
  advertisement: 0.02,
  nodes: 0.08,
  replicas: 0.22,
  handovers: 0.15,
};

/** Each seed has its own kind of trouble: some faults often, others never. */
export function anyTheme(random: SeededRandom): Theme {
  const stormMs = random.between(20_000, 70_000);

  const upTo = (p: number): number => (random.chance(0.5) ? random.between(0, p) : 0);
  const themes: readonly (() => Trouble)[] = [
    () => anything(upTo),
    () => replaced(random, upTo),
    () => replaced(random, upTo),
    () => ({
      weather: { ...fairWeather, stale: random.between(0.3, 0.9), slow: upTo(0.2) },
      unrest: { ...anyUnrest, replicas: 0.15, handovers: 0.9 },
    }),
    () => ({
      weather: { ...fairWeather, stale: upTo(0.5), answerLost: upTo(0.3), slow: upTo(0.3) },
      unrest: anyUnrest,
    }),
    () => ({
      weather: { ...fairWeather, crash: random.between(0, 0.3), answerLost: upTo(0.3) },
      unrest: anyUnrest,
    }),
  ];
  return { ...random.pick(themes)(), stormMs };
}

function anything(upTo: (p: number) => number): Trouble {
  const weather = {
    slow: upTo(0.2),
    late: upTo(0.15),
    lost: upTo(0.1),
    answerLost: upTo(0.2),
    refused: upTo(0.05),
    crash: upTo(0.05),
    freeze: upTo(0.1),
    stale: upTo(0.3),
    cut: upTo(0.03),
  };
  return { weather, unrest: anyUnrest };
}

/** What the fence is for: leaders that are replaced while their writes are under way. */
function replaced(random: SeededRandom, upTo: (p: number) => number): Trouble {
  const freeze = random.between(0.03, 0.2);
  const weather = { ...fairWeather, freeze, slow: upTo(0.4), late: upTo(0.1), stale: upTo(0.5) };
  // Half of them about bundles, which otherwise change seldom.
  const unrest = random.chance(0.5)
    ? { ...anyUnrest, replicas: 0.03 }
    : { ...anyUnrest, replicas: 0.03, advertisement: 0.12, nodes: 0.2 };
  return { weather, unrest };
}
