/** The ClusterRole that lets somebody use the commands that look at a cluster. */
export const viewerRole = "steelyard-viewer";

/** What the user lacks, and what to do about it, in sentences for people; none: he lacks nothing. */
export function describeUnread(unread: readonly string[]): readonly string[] {
  return unread.length === 0
    ? []
    : [
        `you may not ${unread.join(", ")}: what these would tell is missing here`,
        "an administrator lets you: kubectl create clusterrolebinding NAME " +
          `--clusterrole=${viewerRole} --user=YOU`,
      ];
}
