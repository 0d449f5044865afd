/** An image as a tree of files, which its containers see instead of the machine's. */
export interface ImageTree {
  readonly entrypoint: readonly string[];
  /**
   * What stands where below `/`: path in the container → directory or file of this
   * machine. Asked at each start of a container; throws when the image is not there.
   */
  readonly files: () => ReadonlyMap<string, string>;
}

/** What an image's containers run: a command on the machine's own files, or one in a tree. */
export type Image = readonly string[] | ImageTree;

/** Image name without tag → the image. */
export type Images = ReadonlyMap<string, Image>;

/** The command that a container runs unless its manifest names another. */
export function entrypointOf(image: Image): readonly string[] {
  return "entrypoint" in image ? image.entrypoint : image;
}

/** The files of `image`, if it is a tree. */
export function filesOf(image: Image | undefined): ReadonlyMap<string, string> | undefined {
  return image !== undefined && "files" in image ? image.files() : undefined;
}

/** An image's name without tag and digest: `registry:5000/a/b:v1@sha256:…` is `registry:5000/a/b`. */
export function imageName(image: string): string {
  const withoutDigest = image.split("@", 1)[0] ?? "";
  return withoutDigest.replace(/:[^:/]*$/, "");
}
