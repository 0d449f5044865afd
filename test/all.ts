import { oldestRelease } from "../sandbox/kube/pinned.ts";
import { preflight } from "../sandbox/preflight.ts";
import { runWrapped } from "../sandbox/wrapper.ts";
import { check } from "./check.ts";
import { runCommand, runTests, type TestCount } from "./test-run.ts";

/**
 * `npm test`: all that the tests need, then all tests. The last line counts them.
 *
 * Exit codes: 0 all passed, 1 some failed, 2 cannot start. `--long` asks
 * properties and fuzzers for many trials, and for the tests from end to end on
 * the oldest supported Kubernetes too.
 */
async function testAll(): Promise<number> {
  const long = process.argv.includes("--long");
  if (long) {
    process.env["STEELYARD_LONG"] = "1";
  }
  const ready = await preflight("test", (line) => console.log(line));
  if (!ready.ok) {
    return 2;
  }
  const counts = [await build()];
  counts.push(await check({ stopAtFirst: false }));
  counts.push(await runTests("cluster", runWrapped));
  if (long) {
    counts.push(await testOnOldest());
  }
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** The tests from end to end, with as many trials as in `npm test`, on the oldest Kubernetes. */
async function testOnOldest(): Promise<TestCount> {
  process.env["STEELYARD_KUBERNETES"] = oldestRelease;
  delete process.env["STEELYARD_LONG"];
  const ready = await preflight("test", (line) => console.log(line));
  return ready.ok ? await runTests("cluster", runWrapped, "test/e2e/") : { passed: 0, failed: 1 };
}

async function build(): Promise<TestCount> {
  const code = await runCommand([process.execPath, "build/build.ts"]);
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}

process.exitCode = await testAll();
