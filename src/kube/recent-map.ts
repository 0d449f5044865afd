/** Remembers a bounded number of things; beyond it, who was asked for longest ago is forgotten. */
export class RecentMap<T> {
  readonly #size: number;
  /** Longest ago first. */
  readonly #values = new Map<string, T>();

  /** `size` is how many it remembers at most. */
  constructor(size: number) {
    this.#size = size;
  }

  /** What is remembered under `key`; if nothing is, what `make` returns, from now on. */
  get(key: string, make: () => T): T {
    const value = this.#values.get(key) ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#size) {
      const [oldest = key] = this.#values.keys();
      this.#values.delete(oldest);
    }
    return value;
  }
}
