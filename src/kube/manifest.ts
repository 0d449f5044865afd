import {
  type Document,
  isMap,
  isNode,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  YAMLParseError,
} from "yaml";
import { field, listField, textField } from "./decode/fields.ts";

/** One object of a manifest, as it was written. */
export interface ManifestObject {
  readonly file: string;
  /** Where it begins; lines count from 1. */
  readonly line: number;
  readonly raw: unknown;
  /** The line of a field such as `spec.addresses[1]`, or of the nearest that is there. */
  readonly lineOf: (field: string) => number;
}

/** Text that is no manifest, or does not say of what kind an object is: nothing can be said of it. */
export interface ManifestProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface Manifest {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly ManifestProblem[];
}

/** A list in a list is nobody's; this is far beyond what anybody writes. */
const deepestList = 4;

/**
 * Reads a manifest as kubectl does: YAML or JSON, one document or several, with Lists, whose items
 * count one by one. `file` is what its lines are told by.
 */
export function parseManifest(text: string, file: string): Manifest {
  const lines = new LineCounter();
  const objects: ManifestObject[] = [];
  const problems: ManifestProblem[] = [];
  const lineAt = (offset = 0): number => lines.linePos(offset).line;
  // kubectl's YAML is that of 1.1: `no` is false.
  for (const document of parseAllDocuments(text, {
    lineCounter: lines,
    version: "1.1",
    prettyErrors: false,
  })) {
    const lineOf = (path: Path): number => lineAt(nodeAt(document, path).range?.[0]);
    try {
      const [error] = document.errors;
      if (error !== undefined) {
        throw error;
      }
      for (const { raw, path } of objectsOf(document.toJS(), [], 0)) {
        const place = { file, line: lineOf(path) };
        const message = whyNoObject(raw);
        const lineOfField = (name: string): number => lineOf([...path, ...pathOf(name)]);
        if (message === undefined) {
          objects.push({ ...place, raw, lineOf: lineOfField });
        } else {
          problems.push({ ...place, message });
        }
      }
    } catch (error) {
      // Besides what the parser dislikes: aliases that would grow without end.
      const offset = error instanceof YAMLParseError ? error.pos[0] : document.range?.[0];
      const [message = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
      problems.push({ file, line: lineAt(offset), message });
    }
  }
  return { objects, problems };
}

type Path = readonly (string | number)[];

function objectsOf(
  raw: unknown,
  path: Path,
  depth: number,
): readonly { readonly raw: unknown; readonly path: Path }[] {
  if (raw === null || raw === undefined) {
    return [];
  }
  const kind = textField(raw, "kind");
  return kind?.endsWith("List") === true && depth < deepestList
    ? listField(raw, "items").flatMap((item, index) =>
        objectsOf(itemOf(raw, kind, item), [...path, "items", index], depth + 1),
      )
    : [{ raw, path }];
}

function whyNoObject(raw: unknown): string | undefined {
  const missing = ["apiVersion", "kind"].filter((name) => (textField(raw, name) ?? "") === "");
  return missing.length === 0 ? undefined : `it has no ${missing.join(" and no ")}`;
}

/** An item as kubectl reads it: those of a ServiceList need not say that they are Services. */
function itemOf(list: unknown, listKind: string, item: unknown): unknown {
  const kind = listKind.slice(0, -"List".length);
  const saysNone =
    textField(item, "kind") === undefined && textField(item, "apiVersion") === undefined;
  return kind !== "" && saysNone && field(item, "metadata") !== undefined
    ? { ...(item as object), apiVersion: textField(list, "apiVersion"), kind }
    : item;
}

/** `spec.addresses[1]` and `metadata.annotations["a/b"]` as steps. */
function pathOf(field: string): Path {
  return [...field.matchAll(/\["([^"]*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => (index === undefined ? (quoted ?? name ?? "") : Number(index)),
  );
}

/** The node at the end of `path`, as far as it goes. For a field of a map, its key. */
function nodeAt(document: Document, path: Path): Node | Document {
  let place: Node | Document = document;
  let node: unknown = document.contents;
  if (isNode(node)) {
    place = node;
  }
  for (const step of path) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isNode(key) && String(key) === step);
      next = pair?.value;
      place = isNode(pair?.key) ? pair.key : place;
    } else if (isSeq(node) && typeof step === "number") {
      next = node.items[step];
      place = isNode(next) ? next : place;
    }
    if (next === undefined) {
      break;
    }
    node = next;
  }
  return place;
}
