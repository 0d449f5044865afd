import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One instruction of the Dockerfile. */
export interface Instruction {
  /** Upper case, such as `COPY`. */
  readonly name: string;
  /** The rest, its lines joined. */
  readonly text: string;
}

/** The instructions of the project's Dockerfile, in order. */
export function readDockerfile(): readonly Instruction[] {
  const path = fileURLToPath(new URL("../Dockerfile", import.meta.url));
  const lines = readFileSync(path, "utf8")
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "");
  return lines
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [name = "", ...rest] = line.trim().split(/\s+/);
      return { name: name.toUpperCase(), text: rest.join(" ") };
    });
}

/** What the image starts, before a Pod's `args`. Throws when the Dockerfile has it not in exec form. */
export function imageEntrypoint(): readonly string[] {
  const entrypoint = readDockerfile().findLast(({ name }) => name === "ENTRYPOINT");
  return JSON.parse(entrypoint?.text ?? "") as readonly string[];
}
