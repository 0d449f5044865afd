import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBytes } from "../../src/core/net/ip-address.ts";
import { isMappedAddress, packAddresses, unpackAddress } from "../../src/link/native-address.ts";
import { ip } from "../core/net/arbitraries.ts";

const anyBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

test("addresses of both families come back as they went to the addon", () => {
  fc.assert(
    fc.property(fc.array(anyBytes), (many) => {
      const addresses = many.map(fromBytes).filter((address) => !isMappedAddress(address));
      const packed = packAddresses(addresses);
      const back = addresses.map((_, i) => unpackAddress(packed.subarray(i * 16, i * 16 + 16)));
      expect(back).toEqual(addresses);
    }),
  );
});

test("an address is IPv4-mapped when it is one of ::ffff:0:0/96, and no other", () => {
  const mapped = ["::ffff:192.0.2.4", "::ffff:0:0", "::ffff:ffff:ffff"];
  expect(mapped.map((text) => isMappedAddress(ip(text)))).toEqual([true, true, true]);
  const others = ["192.0.2.4", "::1", "::fffe:c000:204", "::ffff:0:c000:204", "2001:db8::ffff:1:2"];
  expect(others.filter((text) => isMappedAddress(ip(text)))).toEqual([]);
});
