import type { V1Container, V1EnvVar, V1Pod } from "@kubernetes/client-node";
import { entrypointOf, type Images, imageName } from "./image.ts";

/** What a Pod learns from its surroundings. */
export interface PodFacts {
  readonly hostIPs: readonly string[];
  readonly podIPs: readonly string[];
  readonly nodeName: string;
}

/** Reads one key of a ConfigMap or Secret of the Pod's namespace; `undefined` when either is missing. */
export type ReadKey = (
  kind: "ConfigMap" | "Secret",
  name: string,
  key: string | undefined,
) => Promise<Readonly<Record<string, string>> | undefined>;

const apiServerServiceIP = "10.96.0.1";

/**
 * The environment of a container, as the kubelet makes it. Throws, with what to
 * correct, on a source that does not exist or that the stand-in does not know.
 */
export async function containerEnvironment(
  pod: V1Pod,
  container: V1Container,
  facts: PodFacts,
  readKey: ReadKey,
): Promise<Record<string, string>> {
  const hostNetwork = pod.spec?.hostNetwork === true;
  const environment: Record<string, string> = {
    PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin",
    HOSTNAME: hostNetwork ? facts.nodeName : (pod.metadata?.name ?? ""),
    HOME: "/",
    KUBERNETES_SERVICE_HOST: apiServerServiceIP,
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
  };
  await addWholeSources(environment, container, readKey);
  for (const variable of container.env ?? []) {
    const value = await variableValue(variable, pod, facts, readKey);
    if (value !== undefined) {
      environment[variable.name] = expandVariables(value, environment);
    }
  }
  return environment;
}

async function addWholeSources(
  environment: Record<string, string>,
  container: V1Container,
  readKey: ReadKey,
): Promise<void> {
  for (const source of container.envFrom ?? []) {
    const [kind, reference] =
      source.configMapRef === undefined
        ? (["Secret", source.secretRef] as const)
        : (["ConfigMap", source.configMapRef] as const);
    const data = await readKey(kind, reference?.name ?? "", undefined);
    if (data === undefined && reference?.optional !== true) {
      throw new Error(`${kind} "${reference?.name}" of envFrom does not exist`);
    }
    for (const [key, value] of Object.entries(data ?? {})) {
      environment[`${source.prefix ?? ""}${key}`] = value;
    }
  }
}

async function variableValue(
  variable: V1EnvVar,
  pod: V1Pod,
  facts: PodFacts,
  readKey: ReadKey,
): Promise<string | undefined> {
  const source = variable.valueFrom;
  if (source === undefined) {
    return variable.value ?? "";
  }
  if (source.fieldRef !== undefined) {
    return fieldOf(pod, source.fieldRef.fieldPath, facts);
  }
  const reference = source.configMapKeyRef ?? source.secretKeyRef;
  if (reference === undefined) {
    throw new Error(`Variable ${variable.name}: the sandbox does not know this kind of valueFrom`);
  }
  const kind = source.configMapKeyRef === undefined ? "Secret" : "ConfigMap";
  const data = await readKey(kind, reference.name ?? "", reference.key);
  const value = data?.[reference.key];
  if (value === undefined && reference.optional !== true) {
    throw new Error(
      `Variable ${variable.name}: no key ${reference.key} in ${kind} ${reference.name}`,
    );
  }
  return value;
}

/** The value of a downward API field. Throws on one that the stand-in does not know. */
export function fieldOf(pod: V1Pod, fieldPath: string, facts: PodFacts): string {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath);
  if (keyed !== null) {
    return pod.metadata?.[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  }
  const fields: Readonly<Record<string, string | undefined>> = {
    "metadata.name": pod.metadata?.name,
    "metadata.namespace": pod.metadata?.namespace,
    "metadata.uid": pod.metadata?.uid,
    "spec.nodeName": facts.nodeName,
    "spec.serviceAccountName": pod.spec?.serviceAccountName,
    "status.hostIP": facts.hostIPs[0],
    "status.hostIPs": facts.hostIPs.join(","),
    "status.podIP": facts.podIPs[0],
    "status.podIPs": facts.podIPs.join(","),
  };
  const value = fields[fieldPath];
  if (value === undefined) {
    throw new Error(`The sandbox does not know the field ${fieldPath}`);
  }
  return value;
}

/** Replaces `$(NAME)` by its value; `$$` is a dollar sign; an unknown name stays as written. */
export function expandVariables(
  text: string,
  variables: Readonly<Record<string, string | undefined>>,
): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (written, name: string | undefined) =>
    name === undefined ? "$" : (variables[name] ?? written),
  );
}

/**
 * What a container executes. As in Kubernetes: `command` takes the place of the
 * image's entrypoint, `args` are appended to either. A string says what is missing.
 */
export function containerCommand(
  container: V1Container,
  images: Images,
  environment: Readonly<Record<string, string>>,
): readonly string[] | string {
  const name = imageName(container.image ?? "");
  const image = images.get(name);
  if (image === undefined) {
    const known = [...images.keys()].join(", ");
    return `image ${JSON.stringify(name)} is none of those that the sandbox has: ${known}`;
  }
  const { command, args } = container;
  const written = [...(command ?? []), ...(args ?? [])];
  const expanded = written.map((text) => expandVariables(text, environment));
  return command === undefined || command.length === 0
    ? [...entrypointOf(image), ...expanded]
    : expanded;
}
