import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EnvHttpProxyAgent, fetch } from "undici";
import { type BinaryName, kubernetesVersion, pinnedVersion } from "./pinned.ts";

const connectTimeoutMs = 3_000;
const execute = promisify(execFile);

/** The projects' release files; a source that cannot be reached is not asked again. */
export class ReleaseFiles {
  readonly #dispatcher = new EnvHttpProxyAgent({ connect: { timeout: connectTimeoutMs } });
  readonly #unreachable = new Set<string>();
  readonly #report: (line: string) => void;

  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  /**
   * Downloads `name` to `target`, checked against the published SHA-256. Returns
   * false, having said why, when it cannot be had or is not what was published.
   */
  async download(name: BinaryName, target: string): Promise<boolean> {
    return name === "etcd"
      ? await this.#attempt("github.com", target, (aside) => this.#etcd(aside))
      : await this.#attempt("dl.k8s.io", target, (aside) => this.#kubernetes(name, aside));
  }

  /** Downloads Helm, as {@link download} does other programs. */
  async downloadHelm(version: string, target: string): Promise<boolean> {
    return await this.#attempt("get.helm.sh", target, (aside) => this.#helm(version, aside));
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  async #attempt(
    host: string,
    target: string,
    fetchTo: (aside: string) => Promise<void>,
  ): Promise<boolean> {
    if (this.#unreachable.has(host)) {
      return false;
    }
    const aside = `${target}.${process.pid}`;
    try {
      await fetchTo(aside);
      await chmod(aside, 0o755);
      await rename(aside, target);
      return true;
    } catch (error) {
      this.#unreachable.add(host);
      this.#report(`no release files from ${host} (${reasonOf(error)}): building instead`);
      return false;
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }

  async #kubernetes(name: BinaryName, aside: string): Promise<void> {
    const version = kubernetesVersion();
    const url = `https://dl.k8s.io/release/v${version}/bin/linux/${architecture()}/${name}`;
    const published = (await this.#get(`${url}.sha256`)).toString().trim();
    this.#report(`downloading ${name} ${version} from dl.k8s.io`);
    await writeFile(aside, verified(await this.#get(url), published, url));
  }

  async #etcd(aside: string): Promise<void> {
    const version = pinnedVersion("etcd");
    const release = `https://github.com/etcd-io/etcd/releases/download/v${version}`;
    const folder = `etcd-v${version}-linux-${architecture()}`;
    const sums = (await this.#get(`${release}/SHA256SUMS`)).toString();
    const published = sums.split("\n").find((line) => line.endsWith(` ${folder}.tar.gz`));
    this.#report(`downloading etcd ${version} from github.com`);
    const url = `${release}/${folder}.tar.gz`;
    await this.#fromArchive(url, published, `${folder}/etcd`, aside);
  }

  async #helm(version: string, aside: string): Promise<void> {
    const folder = `linux-${architecture()}`;
    const url = `https://get.helm.sh/helm-v${version}-${folder}.tar.gz`;
    const published = (await this.#get(`${url}.sha256sum`)).toString();
    this.#report(`downloading helm ${version} from get.helm.sh`);
    await this.#fromArchive(url, published, `${folder}/helm`, aside);
  }

  /** `published`: the line with the SHA-256 first. */
  async #fromArchive(
    url: string,
    published: string | undefined,
    member: string,
    aside: string,
  ): Promise<void> {
    const archive = verified(await this.#get(url), published?.split(" ", 1)[0] ?? "", url);
    const unpacked = `${aside}.unpacked`;
    try {
      await mkdir(unpacked, { recursive: true });
      await writeFile(join(unpacked, "archive"), archive);
      await execute("tar", ["-xzf", join(unpacked, "archive"), "-C", unpacked, member]);
      await rename(join(unpacked, member), aside);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  }

  async #get(url: string): Promise<Buffer> {
    const response = await fetch(url, { dispatcher: this.#dispatcher });
    if (!response.ok) {
      throw new Error(`HTTP status ${response.status} for ${url}`);
    }
    return Buffer.from(await response.arrayBuffer());
  }
}

function verified(content: Buffer, published: string, url: string): Buffer {
  const actual = createHash("sha256").update(content).digest("hex");
  if (actual !== published) {
    throw new Error(`${url} has SHA-256 ${actual}, published is ${JSON.stringify(published)}`);
  }
  return content;
}

/** fetch hides the reason of a failed connection in `cause`. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error
    ? cause.message || ((cause as { code?: string }).code ?? message)
    : message;
}

function architecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}
