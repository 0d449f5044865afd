import type { Finding } from "../../core/admission/finding.ts";

/** A finding and where it is. */
export interface CheckedFinding extends Finding {
  /** The file, as it was given; `cluster`: the object is in the cluster. */
  readonly file: string;
  /** Counts from 1; undefined: it is in no file. */
  readonly line: number | undefined;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** What to run to be rid of it, where one command does that. */
  readonly command: string | undefined;
}

/** What was checked, with what was found. */
export interface CheckReport {
  /** How many objects were looked at. */
  readonly checked: number;
  readonly findings: readonly CheckedFinding[];
  /** Why something could not be checked. */
  readonly problems: readonly string[];
}

/** 0: nothing was found; 1: something was; 2: something could not be checked. */
export function exitCodeOf({ findings, problems }: CheckReport): number {
  return problems.length > 0 ? 2 : findings.length > 0 ? 1 : 0;
}

/** The report for people: one line for each finding, as compilers write them, and one with the sum. */
export function formatReport(report: CheckReport): string {
  const { checked, findings, problems } = report;
  const sum =
    problems.length > 0
      ? "not everything could be checked"
      : findings.length === 0
        ? "nothing found"
        : `${count(findings, "refuse")} would be refused, ${count(findings, "warn")} warned of`;
  const objects = checked === 1 ? "1 object" : `${checked} objects`;
  return [...problems, ...findings.map(formatFinding), `${objects} checked: ${sum}`]
    .map((line) => `${line}\n`)
    .join("");
}

/** The report for programs. */
export function formatJson({ checked, findings, problems }: CheckReport): string {
  return `${JSON.stringify({ checked, findings, problems }, undefined, 2)}\n`;
}

function formatFinding(finding: CheckedFinding): string {
  const { file, line, kind, namespace, name, severity, field, message, command } = finding;
  const place = line === undefined ? file : `${file}:${line}`;
  const object = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  const verdict = severity === "refuse" ? "refused" : "warning";
  const words = [place, verdict, object, ...(field === undefined ? [] : [field]), message];
  return words.join(": ") + (command === undefined ? "" : `\n    ${command}`);
}

function count(findings: readonly CheckedFinding[], severity: Finding["severity"]): number {
  return findings.filter((finding) => finding.severity === severity).length;
}
