/** A 48-bit hardware address as six lower-case hex pairs joined by colons. */
export type MacAddress = string & { readonly brand: "MacAddress" };

/** Returns the hardware address that `text` spells, in lower case, or `undefined`. */
export function parseMacAddress(text: string): MacAddress | undefined {
  return /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(text)
    ? (text.toLowerCase() as MacAddress)
    : undefined;
}
