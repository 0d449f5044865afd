import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { getSystemErrorMap } from "node:util";

/** An engine of the addon: opaque, made by {@link NativeAddon.open}. */
export type NativeEngine = object & { readonly brand: "NativeEngine" };

/** Kinds of {@link NativeEvent}, numbered as in `native/event_queue.h`. */
export const nativeEventKind = { claim: 0, socketOpened: 1, socketFailed: 2 } as const;

/** What is spoken on an interface, as Ethernet numbers it; 0 in an event about netlink. */
export const ethertype = { arp: 0x0806, ipv6: 0x86dd } as const;

/** What the thread reports; `interface` is empty where netlink itself failed. */
export type NativeEvent =
  | {
      readonly kind: typeof nativeEventKind.claim;
      readonly interface: string;
      readonly address: Uint8Array;
      readonly mac: Uint8Array;
      /** 1 where the sender told so (ARP reply, advertisement), 0 where it asked as that. */
      readonly tells: number;
    }
  | {
      readonly kind: typeof nativeEventKind.socketOpened;
      readonly interface: string;
      readonly ethertype: number;
    }
  | {
      readonly kind: typeof nativeEventKind.socketFailed;
      readonly interface: string;
      readonly ethertype: number;
      readonly errno: number;
    };

/** One interface as netlink tells it. */
export interface NativeInterface {
  readonly name: string;
  readonly index: number;
  /** IFF_* of the kernel. */
  readonly flags: number;
  /** 0 without a master. */
  readonly master: number;
  /** What made it (`veth`, `macvlan`); empty for hardware. */
  readonly kind: string;
  /** Index of the interface that it sits on; 0 without one, or where that is in another namespace. */
  readonly link: number;
  /** How often it got its carrier or the kernel wanted its neighbours told anew. */
  readonly renewals: number;
  /** Empty where there is no Ethernet address. */
  readonly mac: Uint8Array;
  readonly addresses: readonly { readonly bytes: Uint8Array; readonly length: number }[];
}

/** Counters of one address on one interface. */
export interface NativeStats {
  readonly address: Uint8Array;
  readonly interface: string;
  readonly requestsReceived: number;
  readonly repliesSent: number;
  readonly gratuitousSent: number;
  readonly directedSent: number;
}

/**
 * What `steelyard.node` exports; `native/engine.h` says what each function does.
 *
 * `addresses` have sixteen bytes each, as everywhere here; an IPv4 address is the IPv6 address
 * that it maps to (RFC 4291 2.5.5.2). Functions throw errors
 * with `errno` and `syscall`; see {@link describeSystemError}.
 */
export interface NativeAddon {
  open(notify: () => void): NativeEngine;
  close(engine: NativeEngine): void;
  answer(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  withdraw(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  watch(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  setGateways(engine: NativeEngine, addresses: Uint8Array): void;
  setRefresh(engine: NativeEngine, seconds: number): void;
  announce(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  observe(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  ignore(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  inquire(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  defend(engine: NativeEngine, interfaceName: string, addresses: Uint8Array): void;
  take(engine: NativeEngine): {
    readonly events: readonly NativeEvent[];
    readonly dropped: number;
    readonly interfacesChanged: boolean;
  };
  interfaces(engine: NativeEngine): readonly NativeInterface[];
  stats(engine: NativeEngine): readonly NativeStats[];
}

/**
 * Loads the addon from `path`, or from where the build puts it: beside the
 * command, whose chunk this is, or in `dist/` when the sources run directly.
 *
 * Throws when it is not there, or does not fit this machine.
 */
export function loadNativeAddon(path: string = findAddon()): NativeAddon {
  return createRequire(import.meta.url)(path) as NativeAddon;
}

function findAddon(): string {
  const candidates = ["../steelyard.node", "../../dist/steelyard.node"].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`The native responder is missing: no ${candidates[0]}. Run: npm run build`);
  }
  return found;
}

/** Returns the name (`EPERM`) and the meaning of a negative error number. */
export function describeErrno(errno: number): { code: string; message: string } {
  const [code, message] = getSystemErrorMap().get(errno) ?? [`E${-errno}`, "unknown error"];
  return { code, message };
}
