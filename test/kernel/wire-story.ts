import { frameText } from "./frame-text.ts";
import type { CapturedFrame, Lan } from "./lan.ts";

/** When the rounds of an announcement are due, in seconds. */
const schedule = [0, 0.1, 1.1, 2.2, 4.4];
/** The clock of the capture and its wait are not the schedule's. */
const toleranceMs = 30;

/**
 * What was on the wire about some addresses, chapter by chapter, as `tcpdump` prints it: ARP first,
 * then neighbor discovery. Frames that do not name one of them are left out.
 */
export class WireStory {
  readonly #lan: Lan;
  readonly #addresses: readonly string[];
  readonly #lines: string[] = [];

  constructor(lan: Lan, addresses: readonly string[]) {
    this.#lan = lan;
    this.#addresses = addresses;
  }

  /** Tells what is on the wire while `action` runs, frame by frame. */
  async tell(title: string, action: () => Promise<void>): Promise<void> {
    await this.#add(title, action, () => "");
  }

  /**
   * The same for announcements, with the round that each frame belongs to: rounds come late on a
   * busy machine, but not by one another's distance. Without the questions whether somebody else has
   * an address, which are asked beside and at times of their own.
   */
  async tellRounds(title: string, action: () => Promise<void>): Promise<void> {
    const round = ({ timeMs }: CapturedFrame, [first]: readonly CapturedFrame[]): string => {
      const since = (timeMs - (first?.timeMs ?? 0) + toleranceMs) / 1_000;
      return `${schedule.findLast((due) => due <= since)?.toFixed(1)} s  `;
    };
    await this.#add(
      title,
      action,
      round,
      (frame) => !/ tell 0\.0\.0\.0\b| :: > /.test(textOf(frame)),
    );
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  async #add(
    title: string,
    action: () => Promise<void>,
    label: (frame: CapturedFrame, all: readonly CapturedFrame[]) => string,
    isMeant: (frame: CapturedFrame) => boolean = () => true,
  ): Promise<void> {
    let ndp: readonly CapturedFrame[] = [];
    const arp = await this.#lan.captureBothWays(async () => {
      ndp = await this.#lan.captureBothWays(action, "icmpv6");
    }, "arp");
    this.#lines.push(...(this.#lines.length === 0 ? [] : [""]), `# ${title}`);
    for (const frames of [arp, ndp]) {
      const told = frames.filter((frame) => this.#names(frame) && isMeant(frame));
      this.#lines.push(...told.map((frame) => label(frame, told) + textOf(frame)));
    }
  }

  #names(frame: CapturedFrame): boolean {
    const text = textOf(frame);
    return this.#addresses.some((address) =>
      new RegExp(`\\b${address}(?![\\d.]|:[\\da-f])`).test(text),
    );
  }
}

/** How programs that are not ours pad their frames is no matter of ours. */
function textOf({ hex, leaves }: CapturedFrame): string {
  const text = frameText(Buffer.from(hex, "hex"));
  return leaves && text.includes("ethertype ARP") ? text.replaceAll(/, length \d+/g, "") : text;
}
