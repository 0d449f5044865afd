/** Work on the same name is done one piece after the other, on different names at the same time. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does `work` when all that was asked for before under `name` has ended, well or not. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === mine) {
        this.#last.delete(name);
      }
    }
  }
}
