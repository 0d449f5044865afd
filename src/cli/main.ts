import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { ControllerSettings } from "../controller/settings.ts";
import { parseMacAddress } from "../core/net/mac-address.ts";
import { systemClock } from "../runtime/clock.ts";
import { type LogLevel, logLevels } from "../runtime/log.ts";
import { version } from "../runtime/version.ts";
import type { CheckOutput } from "../speaker/check.ts";
import type { SpeakerSettings } from "../speaker/settings.ts";
import { homeKubeconfig } from "./home-kubeconfig.ts";
import { addInspectCommands } from "./inspect-commands.ts";

/** Where a Pod finds the name of its namespace. */
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

const configNamespaceHelp = "namespace of IPAddressPools and L2Advertisements";
const defaultConfigNamespace = "metallb-system";

const checkHelp = `
With files alone nothing else is known: give all that belong together. With --cluster they are checked as if
they were applied to it, and without files its own pools, advertisements and policies are. It writes nothing.
Types and names of fields are not checked: kubectl apply --dry-run=server does that.

Exit code: 0 nothing found, 1 something found, 2 something could not be checked, or a wrong flag.

  steelyard check -f pools.yaml -f services.yaml
  helm template my-app | steelyard check --cluster -f -
  steelyard check --cluster --output json`;

/** A week. */
const secondsMax = 604_800;

/** The command `steelyard`: one subcommand for each process. */
const program = new Command(calledName())
  .description("A bare-metal load balancer for Kubernetes: addresses from pools, announced by ARP")
  .version(version)
  .showHelpAfterError("(run with --help for the flags)");

program
  .command("controller")
  .description("give addresses from IPAddressPools to Services of type LoadBalancer")
  .addOption(kubeconfigOption())
  .addOption(namespaceOption())
  .addOption(podNameOption())
  .option("--pod-uid <uid>", "this Pod's uid, so that kubectl describe shows Events about it")
  .option("--config-namespace <name>", configNamespaceHelp, defaultConfigNamespace)
  .option("--lb-class <class>", "serve only Services with this loadBalancerClass", "")
  .option("--no-default-advertisement", "do not create L2Advertisement default at a first start")
  .option("--ignore-exclude-lb", "let nodes announce that are labelled to be left out")
  .option(
    "--withdraw-without-endpoints",
    "announce no Service of which no Pod is ready, as MetalLB",
  )
  .addOption(
    new Option(
      "--rebalance-after <seconds>",
      "how long addresses may be on a node that is not preferred, or has clearly too many; 0: for ever",
    )
      .default(600)
      .argParser(parseSeconds),
  )
  .option("--no-address-probes", "do not look for other hosts that have free addresses of pools")
  .addOption(
    new Option(
      "--ignore-mac <mac>",
      "a host that is never in conflict, as a router that answers ARP for others; may be repeated",
    ).argParser(parseMac),
  )
  .addOption(healthPortOption())
  .addOption(
    new Option("--webhook-port <port>", "port of the admission webhook (HTTPS); 0: none")
      .default(9443)
      .argParser(parsePort),
  )
  .addOption(metricsPortOption())
  .addOption(metricsHostOption())
  .addOption(metricsCertDirOption())
  .addOption(logLevelOption())
  .action(async (options: ControllerFlags) => {
    const { runController } = await import("../controller/main.ts");
    const settings: ControllerSettings = {
      ...options,
      kubeconfig: options.kubeconfig,
      host: options.host,
      metricsCertDir: options.metricsCertDir,
      namespace: options.namespace ?? podNamespace(),
      podName: options.podName ?? missing("--pod-name <name>"),
      podUid: options.podUid,
      loadBalancerClass: options.lbClass,
      placement: {
        ignoreExcludeLabel: options.ignoreExcludeLb === true,
        withdrawWithoutEndpoints: options.withdrawWithoutEndpoints === true,
        rebalanceAfterMs: options.rebalanceAfter * 1_000,
      },
      conflicts: { probes: options.addressProbes, ignoredMacs: options.ignoreMac ?? [] },
    };
    process.exitCode = await runController(settings);
  });

program
  .command("speaker")
  .description(
    "announce addresses from this node by ARP and neighbor discovery, and answer for them",
  )
  .addOption(kubeconfigOption())
  .addOption(namespaceOption())
  .addOption(podNameOption())
  .addOption(
    new Option("--node-name <name>", "the Node that this runs on").env("METALLB_NODE_NAME"),
  )
  .addOption(
    new Option(
      "--excluded-interfaces-file <file>",
      "interfaces that never announce, as MetalLB's excludel2.yaml lists them; without the file: the usual ones",
    ).default("/etc/steelyard/excludel2.yaml"),
  )
  .addOption(
    new Option(
      "--dataplane-health <url>",
      "where kube-proxy, or what stands in for it, tells of its health; none: do not ask; default: port 10256 of the node",
    ).argParser(parseHealthUrl),
  )
  .addOption(
    new Option(
      "--gratuitous-arp-interval <seconds>",
      "announce every address, IPv6 too, again each so often; 0: only when something changed",
    )
      .env("METALLB_GRATUITOUS_ARP_INTERVAL")
      .default(0)
      .argParser(parseSeconds),
  )
  .option("--check", "tell whether this node has all that a speaker needs, and end")
  .addOption(
    new Option("--output <format>", "of --check").choices(["text", "json"]).default("text"),
  )
  .addOption(metricsPortOption())
  .addOption(metricsHostOption())
  .addOption(metricsCertDirOption())
  .addOption(logLevelOption())
  .action(async (options: SpeakerFlags) => {
    if (options.check === true) {
      process.exitCode = await checkThisNode(options);
      return;
    }
    const { runSpeaker } = await import("../speaker/main.ts");
    const { kubeProxyHealth } = await import("../speaker/dataplane-probe.ts");
    const settings: SpeakerSettings = {
      ...options,
      nodeName: options.nodeName ?? missing("--node-name <name>"),
      podName: options.podName ?? missing("--pod-name <name>"),
      kubeconfig: options.kubeconfig,
      host: options.host,
      metricsCertDir: options.metricsCertDir,
      namespace: options.namespace ?? podNamespace(),
      dataplaneHealth: options.dataplaneHealth ?? kubeProxyHealth,
      gratuitousInterval: options.gratuitousArpInterval,
    };
    process.exitCode = await runSpeaker(settings);
  });

program
  .command("check")
  .description("tell what is wrong with pools, advertisements and Services before they are applied")
  .option("-f, --filename <file>", "a manifest; - is stdin; may be given several times", collect)
  .option("--cluster", "look at the cluster too, also for leftovers of MetalLB that block writes")
  .addOption(
    new Option(
      "--kubeconfig <file>",
      "how to reach the API server, with --cluster; default: ~/.kube/config, else as a Pod does",
    ).env("KUBECONFIG"),
  )
  .option("-n, --namespace <name>", "namespace of Services that name none", "default")
  .option("--config-namespace <name>", configNamespaceHelp, defaultConfigNamespace)
  .option("--lb-class <class>", "the loadBalancerClass that Steelyard serves", "")
  .addOption(
    new Option("--output <format>", "how to tell it").choices(["text", "json"]).default("text"),
  )
  .addHelpText("after", checkHelp)
  // With 1, CI would take a misspelt flag for something found.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(async (options: CheckFlags) => {
    if (options.filename === undefined && options.cluster !== true) {
      program.error("error: nothing to check: give -f <file>, --cluster, or both", { exitCode: 2 });
    }
    const { check } = await import("./check/check.ts");
    process.exitCode = 2;
    process.exitCode = await check({
      ...options,
      files: options.filename ?? [],
      cluster: options.cluster === true,
      kubeconfig: options.kubeconfig ?? homeKubeconfig(),
      loadBalancerClass: options.lbClass,
      clock: systemClock,
    });
  });

addInspectCommands(program);

interface CheckFlags {
  readonly filename?: readonly string[];
  readonly cluster?: boolean;
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly configNamespace: string;
  readonly lbClass: string;
  readonly output: "text" | "json";
}

interface CommonFlags {
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly podName?: string;
  readonly port: number;
  readonly host?: string;
  readonly metricsCertDir?: string;
  readonly logLevel: LogLevel;
}

interface ControllerFlags extends CommonFlags {
  readonly healthProbePort: number;
  readonly webhookPort: number;
  readonly configNamespace: string;
  readonly lbClass: string;
  readonly podUid?: string;
  readonly defaultAdvertisement: boolean;
  readonly ignoreExcludeLb?: boolean;
  readonly withdrawWithoutEndpoints?: boolean;
  readonly rebalanceAfter: number;
  readonly addressProbes: boolean;
  readonly ignoreMac: readonly string[] | undefined;
}

interface SpeakerFlags extends CommonFlags {
  readonly nodeName?: string;
  readonly excludedInterfacesFile: string;
  readonly dataplaneHealth?: readonly string[];
  readonly gratuitousArpInterval: number;
  readonly check?: boolean;
  readonly output: CheckOutput;
}

async function checkThisNode(flags: SpeakerFlags): Promise<number> {
  const { kubeconfig, excludedInterfacesFile, output } = flags;
  const { checkNode } = await import("../speaker/check.ts");
  return await checkNode({ kubeconfig, excludedInterfacesFile, output, clock: systemClock });
}

/** How the user called it: kubectl finds its plugins by their names. */
function calledName(): string {
  return basename(process.argv[1] ?? "") === "kubectl-steelyard"
    ? "kubectl steelyard"
    : "steelyard";
}

/** Ends the command: all but `--check` needs this flag. */
function missing(flag: string): never {
  return program.error(`error: required option '${flag}' not specified`);
}

function kubeconfigOption(): Option {
  return new Option("--kubeconfig <file>", "how to reach the API server; inside a Pod not needed");
}

function namespaceOption(): Option {
  return new Option(
    "--namespace <name>",
    "namespace of Steelyard's own Leases; default: the Pod's",
  ).env("METALLB_NAMESPACE");
}

function podNameOption(): Option {
  return new Option("--pod-name <name>", "this Pod's name, for Leases and Events").env(
    "METALLB_POD_NAME",
  );
}

function healthPortOption(): Option {
  return new Option("--health-probe-port <port>", "port of /healthz and /readyz; 0: none")
    .default(17472)
    .argParser(parsePort);
}

function metricsPortOption(): Option {
  return new Option("--port <port>", "port of /metrics; 0: none")
    .default(7472)
    .argParser(parsePort);
}

function metricsHostOption(): Option {
  return new Option(
    "--host <address>",
    "address of /metrics; default: 127.0.0.1, or every address with --metrics-cert-dir",
  );
}

function metricsCertDirOption(): Option {
  return new Option(
    "--metrics-cert-dir <folder>",
    "serve /metrics by HTTPS with tls.crt and tls.key from here, to those whom RBAC lets",
  );
}

function logLevelOption(): Option {
  return new Option("--log-level <level>", "how much to log").choices(logLevels).default("info");
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Empty for `none`. */
function parseHealthUrl(text: string): readonly string[] {
  if (text === "none") {
    return [];
  }
  if (!URL.canParse(text) || new URL(text).protocol !== "http:") {
    throw new InvalidArgumentError("an http:// URL or none is expected.");
  }
  return [text];
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds > secondsMax) {
    throw new InvalidArgumentError(`a number from 0 to ${secondsMax} is expected.`);
  }
  return seconds;
}

function parseMac(text: string, before: readonly string[] = []): readonly string[] {
  const mac = parseMacAddress(text);
  if (mac === undefined) {
    throw new InvalidArgumentError("a hardware address like 02:00:00:00:00:01 is expected.");
  }
  return [...before, mac];
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError("a number from 0 to 65535 is expected.");
  }
  return port;
}

function podNamespace(): string {
  try {
    return readFileSync(namespaceFile, "utf8").trim();
  } catch {
    return program.error("error: not in a Pod: give --namespace (such as steelyard-system)");
  }
}

await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? describe(error) : String(error)}\n`);
  process.exitCode ??= 1;
});
// Connections and timers of a failed start must not keep the process.
process.exit();

function describe(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
