import type { Plugin } from "esbuild";

/** What is used, and where in undici it is. */
const parts = {
  buildConnector: "core/connect",
  Dispatcher: "dispatcher/dispatcher",
  Pool: "dispatcher/pool",
  request: "api/api-request",
} as const;

/**
 * Gives `src/kube/transport.ts` the three parts of undici that it uses. The whole of it, with mocks,
 * caches, fetch and WebSockets, would cost each process 11 MiB more of memory.
 *
 * The bundle fails to build when undici no longer has a part where it was.
 */
export const undiciParts: Plugin = {
  name: "undici-parts",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^undici$/ }, ({ importer }) =>
      importer.endsWith("/src/kube/transport.ts")
        ? { path: "undici", namespace: "undici-parts" }
        : undefined,
    );
    onLoad({ filter: /^undici$/, namespace: "undici-parts" }, () => ({
      contents: partsModule(),
      resolveDir: process.cwd(),
    }));
  },
};

/** In undici's place: it makes `request` a method in the same way. */
function partsModule(): string {
  const names = Object.keys(parts);
  const takes = Object.values(parts).map((path) => `require("undici/lib/${path}.js")`);
  return [
    `const [${names}] = [${takes}];`,
    "Dispatcher.prototype.request = request;",
    "module.exports = { buildConnector, Dispatcher, Pool };",
  ].join("\n");
}
