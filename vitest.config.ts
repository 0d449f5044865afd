import { defineConfig } from "vitest/config";

/** Files that need network namespaces, a compiler or a real cluster; the rest needs nothing. */
const clusterFiles = ["kernel", "integration", "e2e", "sandbox", "native"].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: clusterFiles,
          setupFiles: ["test/property-settings.ts"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "cluster",
          include: clusterFiles,
          setupFiles: ["test/property-settings.ts"],
          // A cluster has the machine to itself: two at once would only wait for each other.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
