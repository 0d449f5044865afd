import type { Stored } from "../store.ts";
import { textField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** A Pod: only whether it runs, or will. */
export interface PodObject extends Stored {
  /** It is at its end and never runs again; evicted Pods stay about like that for long. */
  readonly ended: boolean;
}

/** Reads a Pod. */
export function decodePod(raw: unknown): PodObject {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  const phase = textField(raw, "status", "phase");
  return { key, uid, resourceVersion, ended: phase === "Succeeded" || phase === "Failed" };
}
