import { AllocationWorld } from "../core/allocation/allocation-world.ts";
import { SeededRandom } from "../simulation/seeded-random.ts";
import { commands } from "./allocation-commands.ts";
import { CommandArguments } from "./command-arguments.ts";

/**
 * Runs a scenario: each line is a command, each `>` line below it is what the
 * command printed. What a command does not know or cannot read throws. Returns the text with those lines as they come out now.
 * `seed` gives the order of what has none; the outcome must be the same with any.
 *
 * - `pool NAME RANGES… [autoAssign=…] [avoidBuggyIPs=…] [priority=…] [namespaces=a,b]
 *   [namespaceSelector=k:v] [serviceSelector=k:v]`; `remove pool NAME`; `spoil pool NAME`
 * - `policy NAME [pools=a,b] [selector=k:v] [profile=…] [exclude=…] [delay=SECONDS] [sharing=…]`;
 *   `remove policy NAME`
 * - `namespace NAME k:v…`; `node NAME ADDRESSES… [podCIDR=…]`; `speaker NODE PREFIXES… [gateway=…]`
 * - `serviceCIDR PREFIX`; `apiserver ADDRESS`; `speakers silent | reporting`; `lbClass CLASS`
 * - `service NS/NAME [ip=…] [ANNOTATION=…] [label=k:v] [type=…] [class=…] [families=4,6]
 *   [policy=…] [ports=TCP/80,…] [local=k:v] [externalIP=…] [status=…] [hostname=…]` decides;
 *   `delete NS/NAME` too; `again` decides about all. `local`: externalTrafficPolicy Local, with this selector
 * - `inherited NS/NAME …`: as `service`, and we are new: statuses show what was there before us,
 *   of those that were declared the first one's being the oldest
 * - `alone NS/NAME …`: as `service`, which is gone and forgotten again afterwards. A block of these
 *   runs in any order
 * - `declare NS/NAME …`, `retire NS/NAME`: as `service` and `delete`, but nothing is decided yet
 * - `settle` decides about all in any order until nothing changes, and prints what each has then;
 *   `settle quietly` where that hangs on the order
 * - `cooled [ADDRESS…]`: their reuse delay is over, or everybody's; `show` prints the ledger
 */
export function runScenario(text: string, seed = 1): string {
  const random = new SeededRandom(seed);
  const world = new AllocationWorld();
  const lines = text.split("\n").filter((line) => !line.startsWith(">"));
  const results = lines.map((): readonly string[] => []);
  for (const block of blocks(lines)) {
    for (const index of block.length > 1 ? random.shuffled(block) : block) {
      results[index] = run(world, lines[index] ?? "", random);
    }
  }
  return lines
    .flatMap((line, index) => [line, ...(results[index] ?? []).map((result) => `> ${result}`)])
    .join("\n");
}

/** True if chance plays a part in what the text says. */
export function hasAnyOrder(text: string): boolean {
  return /^(alone|settle)\b/m.test(text);
}

/** The lines one by one, and those of each block of `alone` together, by their indexes. */
function blocks(lines: readonly string[]): readonly (readonly number[])[] {
  const found: number[][] = [];
  let isOpen = false;
  for (const [index, line] of lines.entries()) {
    const isAlone = line.startsWith("alone ");
    const block = isAlone && isOpen ? found.at(-1) : undefined;
    if (block === undefined) {
      found.push([index]);
    } else {
      block.push(index);
    }
    isOpen = isAlone || (isOpen && line.startsWith("#"));
  }
  return found;
}

function run(world: AllocationWorld, line: string, random: SeededRandom): readonly string[] {
  const [name, ...tokens] = line.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  if (name === undefined || name.startsWith("#")) {
    return [];
  }
  const command = commands[name];
  if (command === undefined) {
    throw new Error(`"${name}" is no command of scenarios: ${line}`);
  }
  const args = new CommandArguments(line, tokens);
  const printed = command(world, args, random);
  args.expectEnd();
  return printed;
}
