import { type Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../runtime/clock.ts";
import { homeKubeconfig } from "./home-kubeconfig.ts";
import type { InspectOptions } from "./inspect/inspect.ts";

const explainHelp = `
Tells which addresses the Service has, from which pool and under which policy, which node announces each, on
which interfaces and since when, which would be next, why the others do not, and what changed last.

Exit code: 0 all is told, 2 something may not be read (it says what), 1 nothing could be told.

  steelyard explain service shop/web
  kubectl steelyard explain service web -n shop -o json`;

const statusHelp = `
Tells which controller leads, how full the pools are, what every node announces and what keeps it from that, and
what is in conflict.

Exit code: 0 all is told, 2 something may not be read (it says what), 1 nothing could be told.`;

interface InspectFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly configNamespace: string;
  readonly systemNamespace: string;
  readonly output: "text" | "json";
}

interface ExplainFlags extends InspectFlags {
  readonly namespace?: string;
}

/** Adds the commands that look at a cluster and change nothing. */
export function addInspectCommands(program: Command): void {
  withInspectFlags(program.command("explain"))
    .description("tell why a Service has the addresses that it has, and who announces them")
    .argument("<kind>", "service", asService)
    .argument("<name>", "NAME or NAMESPACE/NAME")
    .option("-n, --namespace <name>", "namespace of the Service; default: that of the context")
    .addHelpText("after", explainHelp)
    .action(async (_kind: string, service: string, flags: ExplainFlags) => {
      const { explain } = await import("./inspect/inspect.ts");
      const { namespace } = flags;
      process.exitCode = await explain({ ...optionsOf(flags), service, namespace });
    });
  withInspectFlags(program.command("status"))
    .description("tell how pools, nodes and the controller are")
    .addHelpText("after", statusHelp)
    .action(async (flags: InspectFlags) => {
      const { status } = await import("./inspect/inspect.ts");
      process.exitCode = await status(optionsOf(flags));
    });
}

function withInspectFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--kubeconfig <file>",
        "how to reach the API server; default: ~/.kube/config, else as a Pod does",
      ).env("KUBECONFIG"),
    )
    .option("--context <name>", "context of the kubeconfig; default: its current one")
    .option(
      "--config-namespace <name>",
      "namespace of IPAddressPools and L2Advertisements",
      "metallb-system",
    )
    .option("--system-namespace <name>", "namespace of Steelyard's own Leases", "steelyard-system")
    .addOption(
      new Option("-o, --output <format>", "how to tell it")
        .choices(["text", "json"])
        .default("text"),
    );
}

function optionsOf(flags: InspectFlags): InspectOptions {
  return {
    ...flags,
    kubeconfig: flags.kubeconfig ?? homeKubeconfig(),
    context: flags.context,
    // What is no terminal is for other programs, which break lines as they like.
    width: process.stdout.columns ?? Number.POSITIVE_INFINITY,
    clock: systemClock,
  };
}

function asService(kind: string): string {
  if (!["service", "services", "svc"].includes(kind)) {
    throw new InvalidArgumentError("only Services can be explained: explain service NAME");
  }
  return kind;
}
