import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const chart = "deploy/chart/steelyard";

/** Folders of the chart that hold nothing but what {@link renderChart} makes. */
export const madeFolders = [`${chart}/crds`, `${chart}/templates/parts`];

/** Text of a part, and what stands in its place in the chart. */
type Edit = readonly [part: string | RegExp, template: string];

const everywhere: readonly Edit[] = [
  ["steelyard-system", "{{ .Release.Namespace }}"],
  ["metallb-system", "{{ .Values.configNamespace }}"],
];

const podEdits = (component: "controller" | "speaker"): readonly Edit[] => [
  [`args: [${component},`, `args: [${component},{{ include "steelyard.${component}Flags" . }}`],
  [/image: steelyard:\S+/, '{{ include "steelyard.image" . | nindent 10 | trim }}'],
  [/resources: .*/, `resources: {{ toJson .Values.${component}.resources }}`],
  [
    /tolerations:(?: .*|(?:\n {8}.*)+)/,
    `tolerations: {{ toJson .Values.${component}.tolerations }}`,
  ],
  [/priorityClassName: .*/, "priorityClassName: {{ .Values.priorityClassName }}"],
  [
    / +serviceAccountName: .*\n/,
    `$&{{ include "steelyard.placement" (list . .Values.${component}.nodeSelector) }}`,
  ],
];

/** Where the certificate of /metrics goes: the speaker has volumes already, the controller has none. */
const controllerVolumes: readonly Edit[] = [
  [/ +serviceAccountName: .*\n/, '$&{{ include "steelyard.volumes" . }}'],
  [/ +securityContext:\n +allowPriv/, '{{ include "steelyard.mounts" . }}$&'],
];

const speakerVolumes: readonly Edit[] = [
  [/ +- \{name: excluded-interfaces, configMap.*\n/, '$&{{ include "steelyard.volume" . }}'],
  [/ +- \{name: excluded-interfaces, mountPath.*\n/, '$&{{ include "steelyard.mount" . }}'],
];

const excludedInterfaces: Edit = [
  /(?<=announcedInterfacesToExclude:\n)[\s\S]*?(?=---)/,
  "{{ toYaml .Values.speaker.excludedInterfaces | indent 4 }}\n",
];

const edits: Readonly<Record<string, readonly Edit[]>> = {
  "40-controller.yaml": [
    ["replicas: 2", "replicas: {{ .Values.controller.replicas }}"],
    ...podEdits("controller"),
    ...controllerVolumes,
  ],
  "50-speaker.yaml": [excludedInterfaces, ...podEdits("speaker"), ...speakerVolumes],
  "60-disruption.yaml": onlyIf("podDisruptionBudget"),
  "70-network-policy.yaml": [
    ["port: 7472}", "port: {{ .Values.metrics.port | default 7472 }}}"],
    [
      /- ports: \[\{protocol: TCP, port: 443\}.*/,
      "- ports:\n{{- range .Values.networkPolicy.apiServerPorts }}\n        - {protocol: TCP, port: {{ . }}}\n{{- end }}",
    ],
    ...onlyIf("networkPolicy"),
  ],
  "80-webhook.yaml": onlyIf("webhook"),
};

/** The release's namespace is Helm's own affair, and the other one must outlive the release. */
const leftOut = ["10-namespaces.yaml"];

/**
 * Returns the files of the chart that are made of crds/ and deploy/parts/, by path:
 * the definitions as they are, and each part as a template. Throws when a part
 * no longer has the text in whose place a value goes.
 */
export async function renderChart(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const name of await readdir("crds")) {
    files.set(`${chart}/crds/${name}`, await readFile(join("crds", name), "utf8"));
  }
  for (const name of await readdir("deploy/parts")) {
    if (!leftOut.includes(name)) {
      const text = await readFile(join("deploy/parts", name), "utf8");
      files.set(`${chart}/templates/parts/${name}`, templateOf(name, text));
    }
  }
  return files;
}

/** Writes what {@link renderChart} returns, in place of what was there. */
export async function writeChart(): Promise<void> {
  const files = await renderChart();
  for (const folder of madeFolders) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  for (const [path, text] of files) {
    await writeFile(path, text);
  }
}

function templateOf(name: string, part: string): string {
  if (part.includes("{{")) {
    throw new Error(`deploy/parts/${name} has "{{", which a chart would take for its own`);
  }
  let text = part;
  for (const [from, to] of edits[name] ?? []) {
    const changed = text.replace(from, to);
    if (changed === text) {
      throw new Error(`deploy/parts/${name} has no ${from}: adapt build/chart.ts`);
    }
    text = changed;
  }
  for (const [from, to] of everywhere) {
    text = text.replaceAll(from, to);
  }
  return `{{- /* Made of deploy/parts/${name} by npm run deploy. */ -}}\n${text}`;
}

function onlyIf(value: string): readonly Edit[] {
  return [
    [/^/, `{{- if .Values.${value}.enabled }}\n`],
    [/$/, "{{- end }}\n"],
  ];
}
