import { defineConfig } from "vitest/config";

/** The folders whose tests need network namespaces, a compiler or a real cluster; the rest needs nothing. */
export const clusterFolders = ["kernel", "integration", "e2e", "sandbox", "native"] as const;

const clusterFiles = clusterFolders.map((folder) => `test/${folder}/**/*.test.ts`);

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
