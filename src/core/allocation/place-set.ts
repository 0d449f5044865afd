const wordBits = 32;

/** A set of small numbers, such as places in a list: 32 of them are looked at in one step. */
export class PlaceSet {
  readonly #words: Uint32Array;

  /** Empty, for numbers below `size`. */
  constructor(size: number) {
    this.#words = new Uint32Array(Math.ceil(size / wordBits));
  }

  /** Makes `place` a member or not. */
  set(place: number, isThere: boolean): void {
    const [word, bit] = [Math.floor(place / wordBits), 1 << (place % wordBits)];
    const before = this.#words[word] ?? 0;
    this.#words[word] = isThere ? before | bit : before & ~bit;
  }

  /** The members that also are in at least one set of each of `unions`, lowest first. All are of one size. */
  *common(unions: readonly (readonly PlaceSet[])[]): Iterable<number> {
    for (let word = 0; word < this.#words.length; word += 1) {
      let rest = this.#words[word] ?? 0;
      for (const union of unions) {
        rest &= union.reduce((bits, set) => bits | (set.#words[word] ?? 0), 0);
      }
      while (rest !== 0) {
        const place = wordBits - 1 - Math.clz32(rest & -rest);
        rest &= rest - 1;
        yield word * wordBits + place;
      }
    }
  }
}
