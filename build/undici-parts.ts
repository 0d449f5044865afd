import type { Plugin } from "esbuild";

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
      contents: parts,
      resolveDir: process.cwd(),
    }));
  },
};

const parts = `
import buildConnector from "undici/lib/core/connect.js";
import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
import Pool from "undici/lib/dispatcher/pool.js";
import request from "undici/lib/api/api-request.js";
Dispatcher.prototype.request = request;
export { buildConnector, Dispatcher, Pool };
`;
