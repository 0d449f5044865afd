import { describe, expect, test } from "vitest";
import { PodAddressPool } from "../../../sandbox/kubelet/pod-network.ts";

describe("the Pod addresses of a node", () => {
  test("are given lowest first, the same offset in both families, the first being the node's", () => {
    const pool = new PodAddressPool(["10.244.1.0/24", "fd00:10:244:1::/64"]);
    expect(pool.addresses(pool.take())).toEqual([
      { address: "10.244.1.2", gateway: "10.244.1.1" },
      { address: "fd00:10:244:1::2", gateway: "fd00:10:244:1::1" },
    ]);
    const second = pool.take();
    expect(pool.addresses(second)[0]?.address).toBe("10.244.1.3");
    pool.release(second);
    expect(pool.take()).toBe(second);
  });

  test("run out before the broadcast address", () => {
    const pool = new PodAddressPool(["10.244.1.0/29"]);
    const taken = [1, 2, 3, 4, 5].map(() => pool.addresses(pool.take())[0]?.address);
    expect(taken.at(-1)).toBe("10.244.1.6");
    expect(() => pool.take()).toThrow("No address is left");
  });

  test("need a prefix", () => {
    expect(() => new PodAddressPool(["10.244.1.0"])).toThrow('"10.244.1.0" is no prefix');
  });
});
