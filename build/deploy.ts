import { readdir, readFile, writeFile } from "node:fs/promises";
import { parseAllDocuments, stringify } from "yaml";
import { writeChart } from "./chart.ts";

interface Named {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Steelyard's own namespace: with it goes everything in it. */
const ownNamespace = "steelyard-system";

/** Returns the files of deploy/ that are made of crds/ and deploy/parts/, by path. */
export async function renderDeploy(): Promise<ReadonlyMap<string, string>> {
  const definitions = await textsOf("crds");
  const parts = await textsOf("deploy/parts");
  const install = (intro: string, changed: readonly string[]): string =>
    [intro, ...definitions, ...changed].join("---\n");
  return new Map([
    [
      "deploy/steelyard.yaml",
      install("# Steelyard, installed by one kubectl apply. Made by `npm run deploy`.\n", parts),
    ],
    [
      "deploy/steelyard-for-metallb.yaml",
      install(
        `# Steelyard for a cluster that has MetalLB, or had it: no L2Advertisement is created at a first start, because what
# MetalLB's manifests advertise is meant. Made by \`npm run deploy\`.
`,
        parts.map(withoutDefaultAdvertisement),
      ),
    ],
    ["deploy/uninstall.yaml", uninstall(parts)],
  ]);
}

async function textsOf(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).sort();
  return await Promise.all(names.map((name) => readFile(`${folder}/${name}`, "utf8")));
}

function withoutDefaultAdvertisement(part: string): string {
  return part.replace("args: [controller,", "args: [controller, --no-default-advertisement,");
}

/** Names what the parts create; neither definitions nor the namespace of pools, with all that is in them. */
function uninstall(parts: readonly string[]): string {
  const objects = parts
    .flatMap((part) => parseAllDocuments(part).map((document) => document.toJS() as Named))
    .filter(({ kind, metadata }) =>
      kind === "Namespace" ? metadata.name === ownNamespace : metadata.namespace !== ownNamespace,
    );
  const documents = objects.map(({ apiVersion, kind, metadata: { name, namespace } }) =>
    stringify({
      apiVersion,
      kind,
      metadata: namespace === undefined ? { name } : { name, namespace },
    }),
  );
  const intro = `# kubectl delete -f deploy/uninstall.yaml removes Steelyard and leaves pools, advertisements, allocations and the addresses
# in Services where they are. Made by \`npm run deploy\`.
`;
  return [intro, ...documents].join("---\n");
}

if (import.meta.main) {
  for (const [path, text] of await renderDeploy()) {
    await writeFile(path, text);
  }
  await writeChart();
}
