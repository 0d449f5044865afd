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

it("only who makes a certificate loads what that needs: never a speaker, nor a controller at its start", async () => {
  const { metafile } = await build({
    entryPoints: { speaker: "src/speaker/main.ts", controller: "src/controller/main.ts" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    outdir: "unused",
    write: false,
    metafile: true,
  });
  const users = Object.entries(metafile.outputs).filter(([, { imports }]) =>
    imports.some(({ path }) => path === "@peculiar/x509"),
  );
  expect(users).toHaveLength(1);
  const reached = Object.entries(metafile.outputs).flatMap(([by, { imports }]) =>
    imports.filter(({ path }) => path === users[0]?.[0]).map(({ kind }) => `${by}: ${kind}`),
  );
  expect(reached).toEqual(["unused/controller.js: dynamic-import"]);
});
