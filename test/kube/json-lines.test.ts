import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLines } from "../../src/kube/json-lines.ts";

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const end = Math.min(bytes.length, at + size);
    yield bytes.subarray(at, end);
    at = end;
  }
}

async function readAll(chunks: AsyncIterable<Buffer>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(chunks)) {
    values.push(value);
  }
  return values;
}

describe("JSON lines", () => {
  it("gives the same values however the network cuts the bytes", async () => {
    const value = fc.record({ text: fc.string({ unit: "grapheme" }), number: fc.integer() });
    await fc.assert(
      fc.asyncProperty(fc.array(value), fc.array(fc.nat(9)), async (values, sizes) => {
        const bytes = Buffer.from(values.map((one) => `${JSON.stringify(one)}\n`).join(""));
        expect(await readAll(cut(bytes, sizes))).toEqual(values);
      }),
    );
  });

  it("drops a last line whose end is missing", async () => {
    expect(await readAll(cut(Buffer.from('{"a":1}\n{"b":'), []))).toEqual([{ a: 1 }]);
  });

  it("skips empty lines", async () => {
    expect(await readAll(cut(Buffer.from("\n1\n\n2\n"), [1]))).toEqual([1, 2]);
  });

  it("rejects a line that is not JSON", async () => {
    await expect(readAll(cut(Buffer.from("<html>\n"), []))).rejects.toThrow(SyntaxError);
  });
});
