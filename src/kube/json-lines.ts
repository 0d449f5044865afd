const newline = 0x0a;

/**
 * Splits a byte stream into lines and parses each as JSON.
 *
 * Splitting happens on bytes, so that a character cut in two by the network
 * stays whole. A last line without newline is dropped: its end is missing.
 * @throws SyntaxError when a line is not JSON
 */
export async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let pending: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const tail = chunk.subarray(start, end);
      const line = pending.length === 0 ? tail : Buffer.concat([...pending, tail]);
      pending = [];
      start = end + 1;
      if (line.length > 0) {
        yield JSON.parse(line.toString("utf8"));
      }
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
    }
  }
}
