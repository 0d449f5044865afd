import fc from "fast-check";
import { expect, test } from "vitest";
import { addressOfAllocationName, allocationName } from "../../../src/core/model/ip-allocation.ts";
import { ip, ipAddress } from "../net/arbitraries.ts";

test.each([
  ["192.0.2.4", "192.0.2.4"],
  ["2001:db8::1", "2001-0db8-0000-0000-0000-0000-0000-0001"],
  ["::", "0000-0000-0000-0000-0000-0000-0000-0000"],
])("the allocation of %s is named %s", (address, name) => {
  expect(allocationName(ip(address))).toBe(name);
});

test("a name tells the address, and may stand as the name of an object", () => {
  fc.assert(
    fc.property(ipAddress, (address) => {
      const name = allocationName(address);
      expect(name).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
      expect(addressOfAllocationName(name)).toBe(address);
    }),
  );
});

test.each(["", "x", "300.1.1.1", "01.2.3.4", "1.2.3", "::1", "2001-db8-0-0-0-0-0-1", "1.2.3.4-5"])(
  "%j is no allocation's name",
  (name) => {
    expect(addressOfAllocationName(name)).toBeUndefined();
  },
);
