/**
 * The words behind a command: plain ones, and `name=value`, where a value with blanks is quoted.
 * Each is read once; what nobody has read at the end is one that the command does not know.
 */
export class CommandArguments {
  readonly #line: string;
  readonly #words: string[] = [];
  readonly #values = new Map<string, readonly string[]>();

  constructor(line: string, tokens: readonly string[]) {
    this.#line = line;
    for (const token of tokens) {
      const [, name, value] = /^([^=]+)=(.*)$/.exec(token) ?? [];
      if (name === undefined || value === undefined) {
        this.#words.push(token);
      } else {
        this.#values.set(name, [...(this.#values.get(name) ?? []), value.replaceAll('"', "")]);
      }
    }
  }

  /** The next plain word. */
  word(what: string): string {
    return this.#words.shift() ?? this.refuse(`${what} is missing`);
  }

  /** The next plain word, `NAMESPACE/NAME`. */
  key(): string {
    const key = this.word("NAMESPACE/NAME");
    return /^[^/]+\/[^/]+$/.test(key) ? key : this.refuse(`"${key}" is no NAMESPACE/NAME`);
  }

  /** All plain words that are left. */
  words(): readonly string[] {
    return this.#words.splice(0);
  }

  /** The same, each read by `parse`. */
  parsedWords<T>(parse: (text: string) => T | undefined): readonly T[] {
    return this.words().map((word) => this.parsed(word, parse));
  }

  /** What `parse` makes of a text; if nothing, it throws. */
  parsed<T>(text: string, parse: (text: string) => T | undefined): T {
    return parse(text) ?? this.refuse(`"${text}" cannot be read`);
  }

  /** The values of all `name=…`. */
  all(name: string): readonly string[] {
    const values = this.#values.get(name) ?? [];
    this.#values.delete(name);
    return values;
  }

  /** The value of the only `name=…`. */
  one(name: string): string | undefined {
    const [value, ...more] = this.all(name);
    return more.length === 0 ? value : this.refuse(`${name}= stands there twice`);
  }

  /** What is between commas in the values of all `name=…`. */
  list(name: string): readonly string[] {
    return this.all(name).flatMap((value) => value.split(","));
  }

  /** The value of the only `name=…`, which is one of `choices`; without it the first of them. */
  choice<T extends string>(name: string, ...choices: readonly [T, ...T[]]): T {
    return this.chosen(this.one(name) ?? choices[0], choices);
  }

  /** `text`, if it is one of `choices`. */
  chosen<T extends string>(text: string, choices: readonly T[]): T {
    const known = choices.find((choice) => choice === text);
    return known ?? this.refuse(`"${text}" is none of ${choices.join(", ")}`);
  }

  /** Pairs `k:v` as labels. */
  labels(pairs: readonly string[]): Readonly<Record<string, string>> {
    return Object.fromEntries(
      pairs.map((pair) => {
        const [key, value, ...more] = pair.split(":");
        return key === undefined || value === undefined || more.length > 0
          ? this.refuse(`"${pair}" is no label k:v`)
          : [key, value];
      }),
    );
  }

  /** Throws if something was not read. */
  expectEnd(): void {
    const left = [...this.#words, ...[...this.#values.keys()].map((name) => `${name}=`)];
    if (left.length > 0) {
      this.refuse(`${left.join(" ")} is not known here`);
    }
  }

  refuse(why: string): never {
    throw new Error(`${why}: ${this.#line}`);
  }
}
