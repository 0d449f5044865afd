import { addonPath, type LinkFixture } from "./link-fixture.ts";

const linkModule = new URL("../../src/link/link.ts", import.meta.url).href;

/**
 * A module for a process of its own that opens `link`, answers and announces 192.0.2.4 on the
 * test's LAN, and then runs `rest`, which also sees `Link`, `open` and `entries`. Where the link
 * cannot be opened it prints why and exits with 3. `addon` is another build of the addon.
 */
export function linkScript(at: LinkFixture, rest: string, addon: string = addonPath): string {
  return `
    import { Link } from ${JSON.stringify(linkModule)};
    const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
    const entries = [{ address: "192.0.2.4", interface: ${JSON.stringify(at.lan.nodeInterface)} }];
    function open() {
      const link = new Link({ addonPath: ${JSON.stringify(addon)}, onEvents() {}, log: silent });
      link.open();
      link.answer(entries);
      link.announce(entries);
      return link;
    }
    let link;
    try {
      link = open();
    } catch (error) {
      console.log(error.code, error.syscall, error.message);
      process.exit(3);
    }
    ${rest}`;
}
