/** What a metric is: the contract with dashboards and alerts. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence, with the unit. */
  readonly help: string;
  /** Names of its labels, in the order in which values are given. */
  readonly labels?: readonly string[];
}

/** One series: the values of its labels, and its value now. */
export type Sample = readonly [labels: readonly string[], value: number];

/** Counts what happened. */
export interface Counter {
  /** Adds one to the series with these label values. */
  add(...labels: readonly string[]): void;
}

/** Sorts measurements into buckets. */
export interface Histogram {
  /** Takes in one measurement, in the unit of the metric, for the series with these label values. */
  observe(value: number, ...labels: readonly string[]): void;
}

/** Upper bounds in seconds for what takes between a millisecond and a minute. */
export const secondsBuckets: readonly number[] = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
];

const pieceLength = 16_384;

interface Family {
  readonly definition: MetricDefinition;
  lines(): Iterable<string>;
}

/**
 * The metrics of one process, in Prometheus's text exposition format 0.0.4.
 *
 * What is known anyway is read when somebody asks; only what happens in between is
 * counted. Nothing here costs anything while nobody asks.
 */
export class Metrics {
  readonly #families = new Map<string, Family>();

  /** Everything that {@link text} tells about. */
  get definitions(): readonly MetricDefinition[] {
    return [...this.#families.values()].map(({ definition }) => definition);
  }

  /**
   * Adds a counter. One without labels is told from the start, as zero, and so are the `known`
   * series: Prometheus sees an increase only from one value to the next.
   */
  counter(definition: MetricDefinition, known: readonly (readonly string[])[] = []): Counter {
    const unlabelled = (definition.labels ?? []).length === 0 ? [[]] : [];
    const values = new Map(
      [...unlabelled, ...known].map((labels) => [labelText(definition, labels), 0]),
    );
    this.#put({
      definition,
      *lines() {
        for (const [labels, value] of values) {
          yield line(definition.name, labels, value);
        }
      },
    });
    return {
      add: (...labels) => {
        const key = labelText(definition, labels);
        values.set(key, (values.get(key) ?? 0) + 1);
      },
    };
  }

  /** Adds a histogram with these upper bounds, in ascending order. */
  histogram(definition: MetricDefinition, buckets = secondsBuckets): Histogram {
    const series = new Map<string, HistogramSeries>();
    this.#put({
      definition,
      *lines() {
        for (const [labels, one] of series) {
          yield* histogramLines(definition.name, labels, buckets, one);
        }
      },
    });
    return {
      observe: (value, ...labels) => {
        const key = labelText(definition, labels);
        const one = series.get(key) ?? { counts: buckets.map(() => 0), sum: 0, count: 0 };
        series.set(key, one);
        const bucket = buckets.findIndex((bound) => value <= bound);
        if (bucket >= 0) {
          one.counts[bucket] = (one.counts[bucket] ?? 0) + 1;
        }
        one.sum += value;
        one.count += 1;
      },
    };
  }

  /** Adds a metric whose series are what `read` returns, each time somebody asks. */
  read(definition: MetricDefinition, read: () => number | Iterable<Sample>): void {
    this.#put({
      definition,
      *lines() {
        const now = read();
        for (const [labels, value] of typeof now === "number" ? [[[], now] as const] : now) {
          yield line(definition.name, labelText(definition, labels), value);
        }
      },
    });
  }

  /** All metrics as they are now. */
  text(): string {
    return [...this.pieces()].join("");
  }

  /** The same in pieces of some kilobytes: a speaker may have tens of thousands of lines. */
  *pieces(): Iterable<string> {
    let piece = "";
    for (const line of this.#lines()) {
      piece += `${line}\n`;
      if (piece.length > pieceLength) {
        yield piece;
        piece = "";
      }
    }
    yield piece;
  }

  *#lines(): Iterable<string> {
    for (const { definition, ...family } of this.#families.values()) {
      const { name, help, type } = definition;
      yield `# HELP ${name} ${escapeText(help, /[\\\n]/g)}`;
      yield `# TYPE ${name} ${type}`;
      yield* family.lines();
    }
  }

  #put(family: Family): void {
    const { name } = family.definition;
    if (this.#families.has(name)) {
      throw new Error(`The metric ${name} is there already`);
    }
    this.#families.set(name, family);
  }
}

interface HistogramSeries {
  /** Not cumulative; what exceeds the last bound is only in `count`. */
  readonly counts: number[];
  sum: number;
  count: number;
}

function* histogramLines(
  name: string,
  labels: string,
  buckets: readonly number[],
  series: HistogramSeries,
): Iterable<string> {
  const rest = labels === "" ? "" : `${labels},`;
  let below = 0;
  for (const [index, bound] of buckets.entries()) {
    below += series.counts[index] ?? 0;
    yield line(`${name}_bucket`, `${rest}le="${bound}"`, below);
  }
  yield line(`${name}_bucket`, `${rest}le="+Inf"`, series.count);
  yield line(`${name}_sum`, labels, series.sum);
  yield line(`${name}_count`, labels, series.count);
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${formatValue(value)}`;
}

/** JavaScript writes numbers as Go reads them, but for the infinite ones. */
function formatValue(value: number): string {
  return Math.abs(value) === Number.POSITIVE_INFINITY ? (value > 0 ? "+Inf" : "-Inf") : `${value}`;
}

function labelText({ name, labels = [] }: MetricDefinition, values: readonly string[]): string {
  if (labels.length !== values.length) {
    throw new Error(`${name} has ${labels.length} labels, and ${values.length} values were given`);
  }
  let text = "";
  for (const [index, label] of labels.entries()) {
    const value = values[index] ?? "";
    text += `${index === 0 ? "" : ","}${label}="${escapeText(value, /[\\\n"]/g)}"`;
  }
  return text;
}

function escapeText(text: string, special: RegExp): string {
  return text.search(special) < 0
    ? text
    : text.replaceAll(special, (found) => (found === "\n" ? "\\n" : `\\${found}`));
}
