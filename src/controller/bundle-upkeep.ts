import type { L2Bundle } from "../core/model/l2-bundle.ts";
import type { NodeObstacle } from "../core/model/reason.ts";
import {
  type BundlePlan,
  type PlannedBundle,
  planBundles,
} from "../core/placement/plan-bundles.ts";
import { type BundleContents, type BundleGroup, groupKey } from "./bundle-contents.ts";
import type { BundleGroups } from "./bundle-groups.ts";
import { BundleWriter, type BundleWriterOptions } from "./bundle-writer.ts";
import type { Configuration } from "./configuration.ts";

export interface BundleUpkeepOptions extends BundleWriterOptions {
  readonly configuration: Configuration;
  readonly contents: BundleContents;
  readonly groups: BundleGroups;
}

/** What is to become of the bundles of one group. */
interface GroupPlan {
  readonly group: BundleGroup;
  readonly plan: BundlePlan;
}

/** Makes bundles, gives them their nodes, and takes away those that nobody needs. */
export class BundleUpkeep {
  readonly #options: BundleUpkeepOptions;
  /** Groups that Services asked for; others follow from pools and advertisements. */
  readonly #wanted = new Map<string, BundleGroup>();
  readonly #writer: BundleWriter;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: BundleUpkeepOptions) {
    this.#options = options;
    this.#writer = new BundleWriter(options);
  }

  /** Has the group get its bundles: now if it has none and could, and whenever it lacks some. */
  async want(group: BundleGroup): Promise<void> {
    const { contents, groups } = this.#options;
    this.#wanted.set(groupKey(group), group);
    if (contents.bundlesOf(group).length === 0 && groups.eligible(group).length > 0) {
      await this.#inTurn(() => this.#carryOut([{ group, plan: this.#plan(group) }]));
    }
  }

  /**
   * Makes a bundle, unless `take` finds one by then; `take` is called again when it is there. Both in
   * this turn: the next one would find it empty, and take it away.
   */
  async make(group: BundleGroup, planned: PlannedBundle, take: () => boolean): Promise<void> {
    await this.#inTurn(async () => {
      if (!take()) {
        await this.#writer.create(group, planned);
        take();
      }
    });
  }

  /**
   * Makes every bundle right: dead owners are replaced first, in all groups, then
   * what is missing or superfluous. A write that fails holds up no other; all are
   * tried before this rejects.
   */
  async reconcile(): Promise<void> {
    await this.#inTurn(() => {
      const ignored = this.#options.term.ignored();
      return this.#carryOut(
        [...this.all()].map((group) => ({
          group,
          plan: this.#withRewrites(this.#plan(group), group, ignored),
        })),
      );
    });
  }

  /** Every group that needs bundles or still has some. */
  all(): Iterable<BundleGroup> {
    const { configuration, contents, groups } = this.#options;
    const all = new Map(this.#wanted);
    for (const pool of configuration.pools) {
      const group = groups.of([{ key: "", labels: {} }], pool);
      if (group.advertisements.length > 0) {
        all.set(groupKey(group), group);
      }
    }
    for (const bundle of contents.groups()) {
      all.set(groupKey(bundle), bundle);
    }
    return all.values();
  }

  async #carryOut(plans: readonly GroupPlan[]): Promise<void> {
    const updates = plans.flatMap(({ plan }) => plan.update);
    const takeovers = await Promise.allSettled(
      updates
        .filter(({ takeover }) => takeover)
        .map((update) => this.#writer.update(update, this.#whyMoved(update.name))),
    );
    const rest = await Promise.allSettled([
      ...plans.flatMap(({ group, plan }) =>
        plan.create.map((planned) => this.#writer.create(group, planned)),
      ),
      ...updates.filter(({ takeover }) => !takeover).map((update) => this.#writer.update(update)),
      ...plans.flatMap(({ plan }) => plan.remove.map((name) => this.#remove(name))),
    ]);
    const [failure] = [...takeovers, ...rest].filter((result) => result.status === "rejected");
    if (failure !== undefined) {
      throw failure.reason;
    }
  }

  async #remove(name: string): Promise<void> {
    const show = this.#options.contents.hide(name);
    try {
      await this.#writer.remove(name);
    } finally {
      show();
    }
  }

  /** The plan, with all bundles of the group that are to be written again as they are. */
  #withRewrites(
    plan: BundlePlan,
    group: BundleGroup,
    rewritten: ReadonlyMap<string, unknown>,
  ): BundlePlan {
    if (rewritten.size === 0) {
      return plan;
    }
    const planned = new Set([...plan.update.map(({ name }) => name), ...plan.remove]);
    const again = this.#options.contents
      .bundlesOf(group)
      .filter(({ name }) => rewritten.has(name) && !planned.has(name))
      .map(({ name, owner, standbys }) => ({ name, owner, standbys, takeover: false }));
    return { ...plan, update: [...plan.update, ...again] };
  }

  #plan(group: BundleGroup): BundlePlan {
    const { contents, groups } = this.#options;
    const bundles = contents.bundlesOf(group);
    const isEmpty = (name: string): boolean => contents.isEmpty(name);
    const ahead = group.hosts === undefined ? "someForEachNode" : "none";
    return groups.isComplete(group)
      ? planBundles(bundles, groups.eligible(group), isEmpty, ahead)
      : this.#planObsolete(bundles);
  }

  /**
   * An advertisement of the group is gone. Its addresses move to other groups or
   * to none; until then its bundles fail over among the nodes that they name.
   */
  #planObsolete(bundles: readonly L2Bundle[]): BundlePlan {
    const { configuration, contents, groups } = this.#options;
    const removable = configuration.advertisementsMayReturn ? [] : bundles;
    const empty = removable.filter(({ name }) => contents.isEmpty(name));
    const staying = bundles.filter((bundle) => !empty.includes(bundle));
    const update = staying.flatMap((bundle) => {
      const named = groups.still([bundle.owner, ...bundle.standbys]);
      return planBundles([bundle], named, () => false).update;
    });
    return { create: [], update, remove: empty.map(({ name }) => name) };
  }

  /** What keeps the owner of a bundle from announcing; `undefined`: no advertisement selects it. */
  #whyMoved(name: string): NodeObstacle | undefined {
    const bundle = this.#options.stores.bundles.get(name)?.bundle;
    const hindered = bundle === undefined ? [] : this.#options.groups.hindered(bundle);
    return hindered.find(({ node }) => node === bundle?.owner.node)?.reason;
  }

  /** Plans are made one after the other: two at once would make the same bundle twice. */
  async #inTurn(plan: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    const mine = before.then(plan, plan);
    this.#turn = mine.catch(() => undefined);
    await mine;
  }
}
