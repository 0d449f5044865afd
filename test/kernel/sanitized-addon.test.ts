import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { buildNative, nativeSource } from "../../build/native.ts";
import { arpFrame } from "./arp-frames.ts";
import { ip } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { linkScript } from "./link-script.ts";

/** Of the C compiler, to be loaded before Node, which is not compiled with it. */
function sanitizerLibrary(): string {
  const compiler = process.env["CC"] ?? "cc";
  return execFileSync(compiler, ["-print-file-name=libasan.so"], { encoding: "utf8" }).trim();
}

describe("the addon compiled with sanitizers", () => {
  const at = useLink();

  test("translates all that happens to a link, and wrong calls, without harm", async () => {
    await at.link.close();
    const addon = await buildNative({ outDir: nativeSource("build/sanitized"), sanitize: true });
    const source = linkScript(at, everyCall(addon), addon);
    const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      // Node keeps memory until its end, which is no leak of ours.
      env: { ...process.env, LD_PRELOAD: sanitizerLibrary(), ASAN_OPTIONS: "detect_leaks=0" },
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        said += data.toString();
      });
    }
    await once(child.stdout, "data");
    await at.lan.send(arpFrame({ targetAddress: "192.0.2.4" }));
    await at.lan.send(arpFrame({ targetAddress: "192.0.2.4", senderAddress: "192.0.2.4" }));
    await ip("link", "set", at.lan.nodeInterface, "down");
    await ip("link", "set", at.lan.nodeInterface, "up");
    await ip("addr", "add", "2001:db8::7/64", "dev", at.lan.nodeInterface, "nodad");
    child.stdin.end("\n");
    const [code] = await once(child, "close");
    expect({ code, said }).toEqual({ code: 0, said: "open\nclosed\n" });
  }, 60_000);
});

/** Says when it is open; after a line of input calls everything in every wrong way too. */
function everyCall(addon: string): string {
  return `
    import { createRequire } from "node:module";
    import { once } from "node:events";
    const native = createRequire(import.meta.url)(${JSON.stringify(addon)});
    while (link.stats()[0].gratuitousSent === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    console.log("open");
    await once(process.stdin, "data");
    while (link.stats()[0].requestsReceived === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const many = Array.from({ length: 1000 }, (_, i) => ({ ...entries[0], address: "10.1." + (i >> 8) + "." + (i & 255) }));
    link.answer(many);
    link.announce(many);
    if (link.stats().length !== 1001 || link.interfaces().length < 2) {
      throw new Error("not all entries are told");
    }
    link.withdraw(many);
    await link.close();
    const engine = native.open(() => {});
    const wrong = [undefined, null, 1, "lo", {}, [], engine, new Uint8Array(3), new Uint16Array(2), "x".repeat(16), ""];
    for (const call of Object.values(native)) {
      for (const one of wrong) {
        for (const other of wrong) {
          for (const args of [[one, other], [engine, one, other], [engine, "lo", one]]) {
            if (call === native.close && args[0] === engine) {
              continue;
            }
            try {
              const result = call(...args);
              if (call === native.open) {
                native.close(result);
              }
            } catch {}
          }
        }
      }
    }
    native.close(engine);
    for (const call of Object.values(native)) {
      try {
        call(engine, "lo", new Uint8Array(4));
      } catch {}
    }
    console.log("closed");
  `;
}
