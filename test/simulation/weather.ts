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
  /** Only with writes of this method and kind; absent: with any. */
  readonly freezeOn?: string;
  /** What happens reaches a sluggish watch late, by up to twelve seconds; about half of all are. */
  readonly stale: number;
  /** Only the watches of this kind; absent: of any. */
  readonly staleOn?: string;
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
  readonly policies: number;
  readonly advertisement: number;
  readonly nodes: number;
  /** A controller is stopped for a while, killed or asked to end. */
  readonly replicas: number;
  /** Of those, how many are asked to end, and so hand over at once. */
  readonly handovers: number;
}

/** One kind of trouble, for a while. */
export interface Theme {
  readonly weather: Weather;
  readonly unrest: Unrest;
  /** How often something happens, on average, in ms. */
  readonly everyMs: number;
  /** How long it lasts, in ms. */
  readonly stormMs: number;
}

const anyUnrest: Unrest = {
  pools: 0.08,
  policies: 0.04,
  advertisement: 0.02,
  nodes: 0.08,
  replicas: 0.22,
  handovers: 0.15,
};
const quiet: Unrest = { ...anyUnrest, nodes: 0.02, replicas: 0.02 };

/** Each seed has its own kind of trouble: some faults often, others never. */
export function anyTheme(random: SeededRandom): Theme {
  const upTo = (p: number): number => (random.chance(0.5) ? random.between(0, p) : 0);
  const storm = {
    unrest: anyUnrest,
    everyMs: random.pick([250, 700, 2_000]),
    stormMs: random.between(20_000, 70_000),
  };
  const late = { slow: upTo(0.4), late: upTo(0.1), stale: upTo(0.8) };
  // Leaders that know less than the one before.
  const handover = (): Theme => ({
    ...storm,
    weather: {
      ...fairWeather,
      slow: upTo(0.2),
      stale: random.between(0.5, 1),
      staleOn: random.pick(["services", "services", "ipallocations", "l2bundles"]),
    },
    unrest: { ...anyUnrest, replicas: 0.15, handovers: 0.9 },
  });
  const themes: readonly (() => Theme)[] = [
    () => ({ ...storm, weather: anything(upTo) }),
    () => ({
      ...storm,
      weather: { ...fairWeather, stale: upTo(0.8), answerLost: upTo(0.3), slow: upTo(0.3) },
    }),
    () => ({
      ...storm,
      weather: { ...fairWeather, crash: random.between(0, 0.3), answerLost: upTo(0.3) },
    }),
    handover,
    handover,
    // Leaders that are replaced while a write is under way, of any kind, then of one.
    () => ({
      ...storm,
      weather: { ...fairWeather, ...late, freeze: random.between(0.05, 0.3) },
      unrest: quiet,
    }),
    () => ({
      ...storm,
      weather: {
        ...fairWeather,
        ...late,
        freeze: random.between(0.1, 0.5),
        freezeOn: random.pick(["PUT ipallocations", "POST ipallocations"]),
      },
      unrest: quiet,
    }),
    () => ({
      // Addresses end to cool only where little happens.
      everyMs: random.pick([1_500, 3_000]),
      stormMs: random.between(100_000, 200_000),
      weather: { ...fairWeather, ...late, freeze: 0.7, freezeOn: "DELETE ipallocations" },
      unrest: quiet,
    }),
    () => ({
      ...storm,
      weather: {
        ...fairWeather,
        ...late,
        freeze: random.between(0.2, 0.6),
        freezeOn: random.pick(["PUT l2bundles", "POST l2bundles", "DELETE l2bundles"]),
      },
      unrest: { ...quiet, advertisement: 0.15, nodes: 0.25 },
    }),
  ];
  return random.pick(themes)();
}

function anything(upTo: (p: number) => number): Weather {
  return {
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
}
