import { describe, expect, test } from "vitest";
import { poolAdmits } from "../../../src/core/model/ip-address-pool.ts";
import { formatIpRange } from "../../../src/core/net/ip-range.ts";
import {
  decodeIpAddressPool,
  type IpAddressPoolObject,
} from "../../../src/kube/decode/ip-address-pool.ts";
import {
  decodeL2Advertisement,
  type L2AdvertisementObject,
} from "../../../src/kube/decode/l2-advertisement.ts";
import { sizeOf } from "../../core/allocation/pools.ts";

/** What MetalLB's parser says of pools and layer-2 advertisements, rule by rule, and what ours says. */

function pool(...addresses: readonly string[]): IpAddressPoolObject {
  return decodeIpAddressPool({ metadata: { name: "p" }, spec: { addresses } });
}

function pinned(serviceAllocation: object): IpAddressPoolObject {
  const spec = { addresses: ["192.0.2.0/24"], serviceAllocation };
  return decodeIpAddressPool({ metadata: { name: "p" }, spec });
}

function advertisement(spec: object): L2AdvertisementObject {
  return decodeL2Advertisement({ metadata: { name: "a" }, spec });
}

function ranges({ pool: read }: IpAddressPoolObject): readonly string[] | undefined {
  return read?.ranges.map(formatIpRange);
}

describe("addresses of a pool, as in MetalLB", () => {
  test.each<[string, readonly string[]]>([
    ["10.20.0.0/16", ["10.20.0.0-10.20.255.255"]],
    ["10.20.30.40/24", ["10.20.30.0-10.20.30.255"]],
    ["2001:db8::1:2/112", ["2001:db8::1:0-2001:db8::1:ffff"]],
    ["40.0.0.210-40.0.0.240", ["40.0.0.210-40.0.0.240"]],
    ["40.0.0.210 - 40.0.0.240", ["40.0.0.210-40.0.0.240"]],
    ["40.0.0.250 - 40.0.0.250", ["40.0.0.250"]],
    ["192.0.2.7-192.0.2.7", ["192.0.2.7"]],
    ["2001:db8::9-2001:db8::a", ["2001:db8::9-2001:db8::a"]],
    ["0.0.0.0/0", ["0.0.0.0-255.255.255.255"]],
  ])("%s is read as it is there", (text, read) => {
    const object = pool(text);
    expect(object.errors).toEqual([]);
    expect(ranges(object)).toEqual(read);
  });

  test.each<[string, string]>([
    ["100.200.300.400/24", "is neither a CIDR prefix nor a range"],
    ["1.2.3.0/33", "is neither a CIDR prefix nor a range"],
    ["1.2.3.10-1.2.3.1", "ends before it starts"],
    ["192.0.2.1", "write 192.0.2.1/32"],
    ["192.0.2.1-", '"" is not an IP address'],
    ["192.0.2.1-192.0.2.2-192.0.2.3", '"192.0.2.2-192.0.2.3" is not an IP address'],
    ["192.0.2.0/24-192.0.3.0/24", "is not an IP address"],
    ["", "is neither a CIDR prefix nor a range"],
    ["fe80::1%eth0-fe80::2%eth0", "is not an IP address"],
  ])("%s is refused as it is there", (text, error) => {
    const { pool: read, errors } = pool("192.0.2.0/30", text);
    expect(read).toBeUndefined();
    expect(errors).toEqual([expect.stringContaining(error)]);
    expect(errors[0]).toMatch(/^spec\.addresses\[1\]: /);
  });

  test("a pool without addresses, or without anything, is refused as it is there", () => {
    for (const raw of [{ spec: { addresses: [] } }, { spec: {} }, {}]) {
      const { pool: read, errors } = decodeIpAddressPool({ metadata: { name: "p" }, ...raw });
      expect(read).toBeUndefined();
      expect(errors).toEqual(["spec.addresses: at least one prefix or range is needed"]);
    }
  });

  test("several entries keep the order in which they are written", () => {
    expect(ranges(pool("198.51.100.0/30", "192.0.2.0/31", "2001:db8::/127"))).toEqual([
      "198.51.100.0-198.51.100.3",
      "192.0.2.0-192.0.2.1",
      "2001:db8::-2001:db8::1",
    ]);
  });
});

describe("addresses of a pool, other than in MetalLB", () => {
  test("a range of mixed families is refused; there it is a pool without addresses", () => {
    expect(pool("1.2.3.4-2001:db8::1").errors).toEqual([
      'spec.addresses[0]: "1.2.3.4-2001:db8::1" mixes IPv4 and IPv6',
    ]);
  });

  test("host bits and blanks are told; blanks around a prefix are refused there", () => {
    const object = pool("10.20.30.40/24", " 192.0.2.0/30 ", "192.0.3.1 - 192.0.3.2");
    expect(ranges(object)).toEqual([
      "10.20.30.0-10.20.30.255",
      "192.0.2.0-192.0.2.3",
      "192.0.3.1-192.0.3.2",
    ]);
    expect(object.warnings).toEqual([
      expect.stringContaining("is read as 10.20.30.0/24"),
      expect.stringContaining("has blanks around it"),
      expect.stringContaining("has blanks around an address"),
    ]);
  });

  test("an address that stands twice in a pool counts once; there the configuration is refused", () => {
    const { pool: read, errors } = pool("192.0.2.0/30", "192.0.2.0/30", "192.0.2.2-192.0.2.5");
    expect(errors).toEqual([]);
    expect(read === undefined ? 0n : sizeOf(read, 4)).toBe(6n);
  });

  test("an IPv4 address in the form of IPv6 stays IPv6", () => {
    expect(ranges(pool("::ffff:192.0.2.1-::ffff:192.0.2.2"))).toEqual([
      "::ffff:c000:201-::ffff:c000:202",
    ]);
  });
});

describe("whom a pool serves", () => {
  const of = (namespace: string, labels = {}): { namespace: string; labels: object } => ({
    namespace,
    labels,
  });
  const admits = (
    object: IpAddressPoolObject,
    { namespace, labels }: ReturnType<typeof of>,
    namespaceLabels = {},
  ): boolean | undefined =>
    object.pool &&
    poolAdmits(
      object.pool,
      { namespace, labels: labels as Readonly<Record<string, string>> },
      namespaceLabels,
    );

  test("everybody, with only a priority, which counts then", () => {
    for (const allocation of [{ priority: 10 }, {}]) {
      expect(admits(pinned(allocation), of("any"))).toBe(true);
      expect(pinned(allocation).pool?.serviceAllocation).toBeDefined();
    }
  });

  test("namespaces by name or by label, whichever fits", () => {
    const object = pinned({
      namespaces: ["shop"],
      namespaceSelectors: [{ matchLabels: { team: "blue" } }],
    });
    expect(admits(object, of("shop"))).toBe(true);
    expect(admits(object, of("bank"), { team: "blue" })).toBe(true);
    expect(admits(object, of("bank"), { team: "red" })).toBe(false);
  });

  test("Services by label, in any of the selectors", () => {
    const object = pinned({
      serviceSelectors: [
        { matchLabels: { tier: "front" } },
        { matchExpressions: [{ key: "app", operator: "In", values: ["dns", "web"] }] },
      ],
    });
    expect(admits(object, of("any", { tier: "front" }))).toBe(true);
    expect(admits(object, of("any", { app: "dns" }))).toBe(true);
    expect(admits(object, of("any", { app: "mail" }))).toBe(false);
  });

  test("namespaces and Services, where both are given, both", () => {
    const object = pinned({
      namespaces: ["shop"],
      serviceSelectors: [{ matchLabels: { tier: "front" } }],
    });
    expect(admits(object, of("shop", { tier: "front" }))).toBe(true);
    expect(admits(object, of("shop", { tier: "back" }))).toBe(false);
    expect(admits(object, of("bank", { tier: "front" }))).toBe(false);
  });

  test("nobody, by a selector that matches no namespace", () => {
    const object = pinned({ namespaceSelectors: [{ matchLabels: { team: "bleu" } }] });
    expect(admits(object, of("shop"), { team: "blue" })).toBe(false);
  });

  test.each<[string, object]>([
    ["a namespace", { namespaces: ["shop", "shop"] }],
    [
      "a namespace selector",
      { namespaceSelectors: [{ matchLabels: { a: "b" } }, { matchLabels: { a: "b" } }] },
    ],
    [
      "a Service selector",
      { serviceSelectors: [{ matchLabels: { a: "b" } }, { matchLabels: { a: "b" } }] },
    ],
    [
      "a value of an expression",
      {
        serviceSelectors: [
          { matchExpressions: [{ key: "a", operator: "In", values: ["b", "b"] }] },
        ],
      },
    ],
  ])(
    "with %s named twice, as with it once; there the configuration is refused",
    (_, allocation) => {
      expect(pinned(allocation).errors).toEqual([]);
      const both = { a: "b" };
      expect(admits(pinned(allocation), of("shop", both), both)).toBe(true);
    },
  );

  test.each<[object, string]>([
    [{ key: "a", operator: "In" }, "needs values"],
    [{ key: "a", operator: "Surrounded", values: ["b"] }, 'operator "Surrounded"'],
    [{ operator: "In", values: ["b"] }, "key"],
  ])("nobody, with a selector that cannot be read: %j", (expression, words) => {
    const selectors = [{ matchExpressions: [expression] }];
    for (const field of ["namespaceSelectors", "serviceSelectors"]) {
      const { pool: read, errors } = pinned({ [field]: selectors });
      expect(read).toBeUndefined();
      expect(errors).toEqual([expect.stringContaining(words)]);
      expect(errors[0]).toContain(`spec.serviceAllocation.${field}[0]`);
    }
  });
});

describe("an L2Advertisement", () => {
  const twice = [{ matchLabels: { a: "b" } }, { matchLabels: { a: "b" } }];

  test("without anything is for all pools, nodes, interfaces and Services", () => {
    expect(advertisement({}).advertisement).toEqual({
      name: "a",
      pools: [],
      poolSelectors: [],
      nodeSelectors: [],
      interfaces: [],
      serviceSelectors: [],
      preferredNodes: [],
    });
  });

  test("that names a pool of which there is none is read all the same", () => {
    expect(advertisement({ ipAddressPools: ["none"] }).advertisement?.pools).toEqual(["none"]);
  });

  test("keeps the interfaces that it names", () => {
    expect(advertisement({ interfaces: ["eth0", "eth1"] }).advertisement?.interfaces).toEqual([
      "eth0",
      "eth1",
    ]);
  });

  test.each<[string, object]>([
    ["a pool", { ipAddressPools: ["web", "web"] }],
    ["a pool selector", { ipAddressPoolSelectors: twice }],
    ["a node selector", { nodeSelectors: twice }],
    ["a Service selector", { serviceSelectors: twice }],
    [
      "an expression but for the order of its values",
      {
        nodeSelectors: [
          { matchExpressions: [{ key: "a", operator: "In", values: ["b", "c"] }] },
          { matchExpressions: [{ key: "a", operator: "In", values: ["c", "b"] }] },
        ],
      },
    ],
  ])("with %s twice is read all the same; there the configuration is refused", (_, spec) => {
    expect(advertisement(spec).errors).toEqual([]);
    expect(advertisement(spec).advertisement).toBeDefined();
  });

  test.each(["ipAddressPoolSelectors", "nodeSelectors", "serviceSelectors"])(
    "with a selector in %s that cannot be read is refused as it is there",
    (field) => {
      const selectors = [{ matchExpressions: [{ key: "a", operator: "Surrounded" }] }];
      const { advertisement: read, errors } = advertisement({ [field]: selectors });
      expect(read).toBeUndefined();
      expect(errors).toEqual([expect.stringContaining(`spec.${field}[0]`)]);
    },
  );
});
