import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type {
  V1KeyToPath,
  V1Pod,
  V1ServiceAccountTokenProjection,
  V1Volume,
  V1VolumeProjection,
} from "@kubernetes/client-node";
import { systemClock } from "../../src/runtime/clock.ts";
import type { ApiClient } from "./api-client.ts";
import { fieldOf, type PodFacts, type ReadKey } from "./container-environment.ts";

/** What volumes are filled from. */
export interface VolumeSources {
  readonly api: ApiClient;
  readonly readKey: ReadKey;
  readonly pod: V1Pod;
  readonly facts: PodFacts;
  readonly log: (line: string) => void;
}

const defaultTokenSeconds = 3607;
const tokenRetryMs = 5_000;

/**
 * Fills `volume` below `directory` and returns its path there. Tokens are renewed
 * until `signal` aborts. Throws, with what is missing, when it cannot (yet), and
 * for a kind of volume that the stand-in does not have.
 */
export async function provideVolume(
  volume: V1Volume,
  directory: string,
  sources: VolumeSources,
  signal: AbortSignal,
): Promise<string> {
  const path = join(directory, volume.name);
  await mkdir(path, { recursive: true });
  if (volume.emptyDir !== undefined) {
    // As the kubelet does: writable for everybody, because the Pod's users are not known here.
    await chmod(path, 0o777);
    return path;
  }
  for (const projection of projectionsOf(volume)) {
    await project(projection, path, sources, signal);
  }
  return path;
}

/** Every kind but `emptyDir`, told as a projected volume. */
function projectionsOf(volume: V1Volume): readonly V1VolumeProjection[] {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) {
    return [{ configMap }];
  }
  if (secret !== undefined) {
    return [{ secret: { ...secret, name: secret.secretName ?? "" } }];
  }
  if (downwardAPI !== undefined) {
    return [{ downwardAPI }];
  }
  if (projected !== undefined) {
    return projected.sources ?? [];
  }
  const kind = Object.keys(volume).find((key) => key !== "name");
  throw new Error(`volume ${volume.name}: the sandbox has no volumes of kind ${kind}`);
}

async function project(
  projection: V1VolumeProjection,
  path: string,
  sources: VolumeSources,
  signal: AbortSignal,
): Promise<void> {
  const { serviceAccountToken, configMap, secret, downwardAPI } = projection;
  if (serviceAccountToken !== undefined) {
    await provideToken(serviceAccountToken, path, sources, signal);
    return;
  }
  if (downwardAPI !== undefined) {
    for (const item of downwardAPI.items ?? []) {
      const value = fieldOf(sources.pod, item.fieldRef?.fieldPath ?? "", sources.facts);
      await writeAtomically(join(path, item.path), value);
    }
    return;
  }
  const [kind, reference] =
    configMap === undefined ? (["Secret", secret] as const) : (["ConfigMap", configMap] as const);
  if (reference === undefined) {
    throw new Error(`the sandbox does not know the projection ${Object.keys(projection)}`);
  }
  const data = await sources.readKey(kind, reference.name ?? "", undefined);
  if (data === undefined && reference.optional !== true) {
    throw new Error(`${kind} "${reference.name}" not found`);
  }
  for (const [file, value] of filesOf(data ?? {}, reference.items)) {
    await writeAtomically(join(path, file), value);
  }
}

function filesOf(
  data: Readonly<Record<string, string>>,
  items: readonly V1KeyToPath[] | undefined,
): readonly (readonly [file: string, value: string])[] {
  if (items === undefined) {
    return Object.entries(data);
  }
  return items.flatMap(({ key, path }) => {
    const value = data[key];
    return value === undefined ? [] : [[path, value] as const];
  });
}

interface TokenRequest {
  readonly status: { readonly token: string; readonly expirationTimestamp: string };
}

/** Writes a token that is bound to the Pod, and a new one each time 80 % of its life is over. */
async function provideToken(
  wanted: V1ServiceAccountTokenProjection,
  path: string,
  sources: VolumeSources,
  signal: AbortSignal,
): Promise<void> {
  const { api, pod, log } = sources;
  const { namespace, name, uid } = pod.metadata ?? {};
  const account = pod.spec?.serviceAccountName ?? "default";
  const renew = async (): Promise<number> => {
    const asked = systemClock.wallTime().getTime();
    const { status } = await api.create<TokenRequest>(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          ...(wanted.audience === undefined ? {} : { audiences: [wanted.audience] }),
          expirationSeconds: wanted.expirationSeconds ?? defaultTokenSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
    );
    await writeAtomically(join(path, wanted.path), status.token);
    return 0.8 * (Date.parse(status.expirationTimestamp) - asked);
  };
  const keepFresh = async (first: number): Promise<void> => {
    let wait = first;
    for (;;) {
      await systemClock.sleep(wait, signal);
      if (signal.aborted) {
        return;
      }
      try {
        wait = await renew();
      } catch (error) {
        wait = tokenRetryMs;
        log(`token of ${namespace}/${name}: ${String(error)}; trying again`);
      }
    }
  };
  // Never rejects: each attempt's error is told in the log.
  void keepFresh(await renew());
}

/** A reader sees the old file or the new one, never a part. */
async function writeAtomically(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.new`;
  await writeFile(aside, content, { mode: 0o644 });
  await rename(aside, path);
}
