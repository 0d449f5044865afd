import { preflight } from "../sandbox/preflight.ts";
import { runWrapped } from "../sandbox/wrapper.ts";
import { check } from "./check.ts";
import { runCommand, runTests, type TestCount } from "./test-run.ts";

/**
 * `npm test`: all that the tests need, then all tests. The last line counts them.
 *
 * Exit codes: 0 all passed, 1 some failed, 2 cannot start. `--long` asks
 * properties and fuzzers for many trials.
 */
async function testAll(): Promise<number> {
  if (process.argv.includes("--long")) {
    process.env["STEELYARD_LONG"] = "1";
  }
  const ready = await preflight("test", (line) => console.log(line));
  if (!ready.ok) {
    return 2;
  }
  const counts = [await build()];
  counts.push(await check({ stopAtFirst: false }));
  counts.push(await runTests("cluster", runWrapped));
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function build(): Promise<TestCount> {
  const code = await runCommand([process.execPath, "build/build.ts"]);
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}

process.exitCode = await testAll();
