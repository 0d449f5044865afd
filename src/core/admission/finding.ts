/** What is wrong with an object, before it is in force. */
export interface Finding {
  /** `refuse`: it cannot be meant, and is not let in. `warn`: it is let in, and whoever writes it is told. */
  readonly severity: "refuse" | "warn";
  /** The field that it is about, such as `spec.addresses[1]`; undefined: the object as a whole. */
  readonly field: string | undefined;
  /** What is wrong and what to do, in words for whoever wrote the object. */
  readonly message: string;
}

/** An object as it is and as it is to be: undefined before where it is created, after where it is deleted. */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** What an object says of itself: each text begins with a field and a colon, as decoders write them. */
export interface SelfReport {
  readonly errors: readonly string[];
  readonly warnings?: readonly string[];
}

/** The finding that refuses the object. */
export function refuse(message: string, field?: string): Finding {
  return { severity: "refuse", field, message };
}

/** The finding that lets the object in. */
export function warn(message: string, field?: string): Finding {
  return { severity: "warn", field, message };
}

/** What a decoder found: its errors refuse the object, its warnings warn. */
export function reported({ errors, warnings = [] }: SelfReport): readonly Finding[] {
  return [
    ...errors.map((text) => refuse(...split(text))),
    ...warnings.map((text) => warn(...split(text))),
  ];
}

/**
 * Findings about an edit: what was wrong before as well does not refuse it. Else nobody could
 * correct one fault of two, nor take a finalizer off an object that was let in by another version.
 */
export function eased(found: readonly Finding[], before: readonly Finding[]): readonly Finding[] {
  const old = new Set(before.map(({ message }) => message));
  return found.map((finding) =>
    old.has(finding.message) ? { ...finding, severity: "warn" } : finding,
  );
}

function split(text: string): [message: string, field?: string] {
  const [, field, message] = /^([\w.[\]]+): (.*)$/s.exec(text) ?? [];
  return field === undefined || message === undefined ? [text] : [message, field];
}
