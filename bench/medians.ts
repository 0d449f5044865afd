import { quantile } from "./quantile.ts";
import { formatFigure, formatRatio, printTable } from "./table.ts";

/** One figure of a round, and what it is called. NaN: there is none. */
export interface Figure<Round> {
  readonly name: string;
  readonly of: (round: Round) => number;
}

/**
 * Prints the medians of all rounds, a column for each contender, and of two contenders the
 * median of the rounds' ratios, ours to theirs; with `eachRound` every round's ratio too.
 */
export function printMedians<Round extends { readonly contender: string }>(
  rounds: readonly (readonly Round[])[],
  figures: readonly Figure<Round>[],
  options: { readonly eachRound: boolean },
  print: (line: string) => void,
): void {
  const contenders = (rounds[0] ?? []).map(({ contender }) => contender);
  const isContest = contenders.length === 2;
  const forContest = (columns: readonly string[]): readonly string[] =>
    isContest ? columns.slice(0, options.eachRound ? 2 : 1) : [];
  const rows = figures.map(({ name, of }) => {
    const perContender = contenders.map((_, at) =>
      rounds.flatMap((round) => (round[at] === undefined ? [] : [of(round[at])])),
    );
    const [ours = [], theirs = []] = perContender;
    const ratios = ours.map((value, at) => value / (theirs[at] ?? Number.NaN));
    return [
      name,
      ...perContender.map((values) => formatFigure(quantile(values, 0.5))),
      ...forContest([
        formatRatio(quantile(ratios, 0.5)),
        ratios.map((it) => it.toFixed(2)).join(" "),
      ]),
    ];
  });
  const head = ["median of rounds", ...contenders, ...forContest(["ratio", "(each round)"])];
  printTable(head, rows, print);
}
