import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/**
 * Returns one text with the licences of the npm packages in `folders`, as each
 * asks whoever passes its code on to do. Throws for a package that has no
 * licence text anywhere: it must not be shipped.
 */
export async function licenceTexts(folders: readonly string[]): Promise<string> {
  const sections = await Promise.all(folders.map(sectionOf));
  const begin = "Steelyard contains code of the npm packages below, each under its own licence.";
  return [begin, ...sections.sort()].join("\n\n");
}

async function sectionOf(folder: string): Promise<string> {
  const facts = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as PackageFacts;
  const { name, version, license = "see below" } = facts;
  const rule = "=".repeat(80);
  return `${rule}\n${name} ${version} (${license})\n${rule}\n${(await textOf(folder)).trim()}\n`;
}

async function textOf(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const files = names.filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  if (files.length > 0) {
    const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
    return texts.join("\n");
  }
  const readme = names.find((name) => /^readme/i.test(name));
  const words = readme === undefined ? "" : await readFile(join(folder, readme), "utf8");
  const section = /^#+ *licen[cs]e\b[\s\S]*/im.exec(words)?.[0];
  if (section === undefined) {
    throw new Error(`${folder} has no licence text, so its code cannot be shipped`);
  }
  return section;
}
