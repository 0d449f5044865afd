/**
 * Reads fields of a JSON value that may be anything. What is absent or of
 * another type reads as "not there"; objects of built-in kinds were validated
 * by the API server, so nothing better can be said about them.
 */
export function field(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, name)) {
      return undefined;
    }
    current = (current as Readonly<Record<string, unknown>>)[name];
  }
  return current ?? undefined;
}

/** The text at `path`; `undefined` if there is none. */
export function textField(value: unknown, ...path: readonly string[]): string | undefined {
  const found = field(value, ...path);
  return typeof found === "string" ? found : undefined;
}

/** The number at `path`; `undefined` if there is none. */
export function numberField(value: unknown, ...path: readonly string[]): number | undefined {
  const found = field(value, ...path);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** The moment at `path` in ms since 1970; 0 if there is none. */
export function dateField(value: unknown, ...path: readonly string[]): number {
  const found = Date.parse(textField(value, ...path) ?? "");
  return Number.isNaN(found) ? 0 : found;
}

/** The boolean at `path`; `undefined` if there is none. */
export function booleanField(value: unknown, ...path: readonly string[]): boolean | undefined {
  const found = field(value, ...path);
  return typeof found === "boolean" ? found : undefined;
}

/** The list at `path`; empty if there is none. */
export function listField(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = field(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The texts of the list at `path`. */
export function textListField(value: unknown, ...path: readonly string[]): readonly string[] {
  return listField(value, ...path).filter((item) => typeof item === "string");
}

/** Most objects have no labels: those share this one. */
const noTexts: Readonly<Record<string, string>> = Object.freeze({});

/** The texts of the map at `path`, such as labels. */
export function textMapField(
  value: unknown,
  ...path: readonly string[]
): Readonly<Record<string, string>> {
  const found = field(value, ...path);
  if (typeof found !== "object" || found === null) {
    return noTexts;
  }
  return Object.fromEntries(
    Object.entries(found).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
}
