import { metalLbSources } from "../bench/metallb/sources.ts";
import { oldestRelease } from "../sandbox/kube/pinned.ts";
import { preflight } from "../sandbox/preflight.ts";
import { runWrapped } from "../sandbox/wrapper.ts";
import { check } from "./check.ts";
import { runLanes } from "./lanes.ts";
import { isClusterTest, testFilesNamed } from "./test-files.ts";
import { runCommand, runTests, type TestCount } from "./test-run.ts";

/**
 * `npm test`: all that the tests need, then all tests. The last line counts them.
 *
 * Exit codes: 0 all passed, 1 some failed, 2 cannot start. `--long` asks
 * properties and fuzzers for many trials, and for the tests from end to end on
 * the oldest supported Kubernetes too. Words behind name test files: then only
 * those are run, and what they need built, `npm run test:long -- storm`.
 */
async function testAll(args: readonly string[]): Promise<number> {
  const long = args.includes("--long");
  if (long) {
    process.env["STEELYARD_LONG"] = "1";
  }
  const words = args.filter((arg) => !arg.startsWith("--"));
  const files = words.flatMap((word) => testFilesNamed(word));
  if (words.length > 0 && files.length === 0) {
    console.error(`no test file has a name like ${words.join(" or ")}`);
    return 2;
  }
  const ready = await preflight("test", (line) => console.log(line));
  if (!ready.ok) {
    return 2;
  }
  // In the wrapper there is no network.
  await metalLbSources();
  const counts = [await build()];
  counts.push(...(files.length > 0 ? await runOnly(files) : await runEverything(long)));
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function runEverything(long: boolean): Promise<readonly TestCount[]> {
  const counts = [await check({ stopAtFirst: false }), ...(await runLanes())];
  return long ? [...counts, await testOnOldest()] : counts;
}

async function runOnly(files: readonly string[]): Promise<readonly TestCount[]> {
  const cluster = files.filter(isClusterTest);
  const unit = files.filter((file) => !isClusterTest(file));
  return [
    ...(unit.length > 0 ? [await runTests("unit", runCommand, unit)] : []),
    ...(cluster.length > 0 ? [await runTests("cluster", runWrapped, cluster)] : []),
  ];
}

/** The tests from end to end, with as many trials as in `npm test`, on the oldest Kubernetes. */
async function testOnOldest(): Promise<TestCount> {
  process.env["STEELYARD_KUBERNETES"] = oldestRelease;
  delete process.env["STEELYARD_LONG"];
  const ready = await preflight("test", (line) => console.log(line));
  return ready.ok ? await runTests("cluster", runWrapped, ["test/e2e/"]) : { passed: 0, failed: 1 };
}

async function build(): Promise<TestCount> {
  const code = await runCommand([process.execPath, "build/build.ts"]);
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}

process.exitCode = await testAll(process.argv.slice(2));
