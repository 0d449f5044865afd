import { expect } from "vitest";
import {
  type AnnouncerEffect,
  type AnnouncerInput,
  type AnnouncerState,
  silentAnnouncer,
  step,
} from "../../../src/core/layer2/announcer.ts";
import type { NetworkInterface } from "../../../src/core/net/network-interface.ts";
import { ip } from "../net/arbitraries.ts";

/** An announcer, and a link that does what it is told. */
export class Announcer {
  state: AnnouncerState = silentAnnouncer();
  readonly answered = new Set<string>();
  readonly watched = new Set<string>();

  /** Takes an input; returns the effects as words. */
  take(input: AnnouncerInput): readonly string[] {
    const { state, effects } = step(this.state, input);
    this.state = state;
    for (const effect of effects) {
      this.#carryOut(effect);
    }
    return effects.map((it) => `${it.kind} ${it.address} on ${it.interface}`);
  }

  assign(address: string, ...interfaces: readonly string[]): readonly string[] {
    return this.take({ kind: "assign", address: ip(address), interfaces });
  }

  standBy(address: string, ...interfaces: readonly string[]): readonly string[] {
    return this.take({ kind: "standby", address: ip(address), interfaces });
  }

  unassign(address: string): readonly string[] {
    return this.take({ kind: "unassign", address: ip(address) });
  }

  link(interfaces: readonly NetworkInterface[], ...gateways: readonly string[]): readonly string[] {
    return this.take({ kind: "link", interfaces, defaultGateways: gateways.map(ip) });
  }

  failure(address: string): string | undefined {
    return this.state.failures.get(ip(address))?.reason;
  }

  #carryOut({ kind, address, interface: name }: AnnouncerEffect): void {
    const entry = `${address} on ${name}`;
    if (kind === "watch" || kind === "unwatch") {
      expect(this.answered).not.toContain(entry);
      this.watched[kind === "watch" ? "add" : "delete"](entry);
    } else if (kind === "announce") {
      expect(this.answered).toContain(entry);
    } else {
      this.watched.delete(entry);
      this.answered[kind === "answer" ? "add" : "delete"](entry);
    }
  }
}

/** An announcer on a node that has these interfaces. */
export function announcerOn(...interfaces: readonly NetworkInterface[]): Announcer {
  const announcer = new Announcer();
  announcer.link(interfaces);
  return announcer;
}
