/** The object that an Event is about. */
export interface EventObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for a cluster-scoped object, whose Events go to namespace `default`. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
}

/** Something that happened to an object, for people to see in `kubectl describe`. */
export interface EventNote {
  readonly object: EventObject;
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase. */
  readonly reason: string;
  /** At most 1,024 characters are kept. */
  readonly message: string;
}
