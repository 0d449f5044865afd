import { systemClock } from "../src/runtime/clock.ts";
import { runCommand, runTests, type TestCount } from "./test-run.ts";

/** One step of `npm run check`; a step without tests counts as failed or not at all. */
interface Stage {
  readonly name: string;
  readonly run: () => Promise<TestCount>;
}

const stages: readonly Stage[] = [
  { name: "format and lint", run: () => runTool("biome", ["ci", "--colors=off", "."]) },
  { name: "types", run: () => runTool("tsc", ["-p", "."]) },
  { name: "tests without a cluster", run: () => runTests("unit") },
];

/**
 * Runs everything that needs neither privileges nor a cluster, telling each
 * stage's result and time. With `stopAtFirst`, stages behind a failed one do not run.
 */
export async function check(options: { readonly stopAtFirst: boolean }): Promise<TestCount> {
  let [passed, failed] = [0, 0];
  for (const { name, run } of stages) {
    const start = systemClock.now();
    const count = await run();
    const seconds = ((systemClock.now() - start) / 1_000).toFixed(1);
    console.log(`${count.failed === 0 ? "ok    " : "failed"} ${seconds.padStart(5)}s  ${name}`);
    passed += count.passed;
    failed += count.failed;
    if (failed > 0 && options.stopAtFirst) {
      break;
    }
  }
  return { passed, failed };
}

async function runTool(name: string, args: readonly string[]): Promise<TestCount> {
  const code = await runCommand([`node_modules/.bin/${name}`, ...args]);
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}

if (import.meta.main) {
  const { failed } = await check({ stopAtFirst: true });
  process.exitCode = failed === 0 ? 0 : 1;
}
