import { build } from "esbuild";
import { expect, it } from "vitest";

it("a Pod never loads client-node: it is imported only when a kubeconfig is given", async () => {
  const { metafile } = await build({
    entryPoints: ["src/kube/load-access.ts", "src/kube/transport.ts", "src/kube/reflector.ts"],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    outdir: "unused",
    write: false,
    metafile: true,
  });
  const kinds = Object.values(metafile.outputs)
    .flatMap((output) => output.imports)
    .filter(({ path }) => path === "@kubernetes/client-node")
    .map(({ kind }) => kind);
  expect(kinds).toEqual(["dynamic-import"]);
});
