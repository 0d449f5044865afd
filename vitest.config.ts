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
          // With thirty times as many trials a property may take its time.
          testTimeout: process.env["STEELYARD_LONG"] === "1" ? 600_000 : 5_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "cluster",
          include: clusterFiles,
          setupFiles: ["test/property-settings.ts"],
          // All in one wrapper, so one cluster at a time; test/lanes.ts runs three wrappers side by side.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
