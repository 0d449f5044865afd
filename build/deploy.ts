import { readdir, readFile, writeFile } from "node:fs/promises";

const header = `# Steelyard, installed by one kubectl apply. Made of crds/ and deploy/parts/ by \`npm run deploy\`.
`;

/** Returns the text of deploy/steelyard.yaml: the CRDs and the parts, in order of their names. */
export async function renderDeploy(): Promise<string> {
  const texts: string[] = [];
  for (const folder of ["crds", "deploy/parts"]) {
    for (const file of (await readdir(folder)).sort()) {
      texts.push(await readFile(`${folder}/${file}`, "utf8"));
    }
  }
  return header + texts.map((text) => `---\n${text}`).join("");
}

if (import.meta.main) {
  await writeFile("deploy/steelyard.yaml", await renderDeploy());
}
