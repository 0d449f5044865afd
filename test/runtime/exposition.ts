/** One series of a `/metrics` page. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a `/metrics` page says, line by line; throws at a line that is not in the format. */
export class Exposition {
  readonly series: readonly Series[];
  /** Types by name of the metric. */
  readonly types: ReadonlyMap<string, string>;

  constructor(page: string) {
    const types = new Map<string, string>();
    const series: Series[] = [];
    for (const line of page.split("\n").slice(0, -1)) {
      const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
      if (type !== null) {
        types.set(type[1] ?? "", type[2] ?? "");
      } else if (!/^# HELP \S+ .+/.test(line)) {
        series.push(parse(line));
      }
    }
    this.types = types;
    this.series = series;
  }

  /** The value of the only series with this name and at least these labels. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.all(name, labels);
    if (found.length > 1) {
      throw new Error(`${found.length} series of ${name} fit ${JSON.stringify(labels)}`);
    }
    return found[0]?.value;
  }

  all(name: string, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
    return this.series.filter(
      (one) =>
        one.name === name &&
        Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    );
  }

  /** The name of the metric that a series belongs to. */
  metricOf(series: string): string {
    const base = series.replace(/_(bucket|sum|count)$/, "");
    return this.types.get(base) === "histogram" ? base : series;
  }
}

function parse(line: string): Series {
  const found = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (found === null) {
    throw new Error(`Not in the exposition format: ${line}`);
  }
  const [, name = "", labels = "", value = ""] = found;
  const pairs = [...labels.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  if (pairs.map(([all]) => all).join("") !== labels) {
    throw new Error(`Labels are not in the exposition format: ${line}`);
  }
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label, text]) => [label, text])),
    value: Number(value.replace("Inf", "Infinity")),
  };
}
