import { createHash } from "node:crypto";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { ScrapeVerdict } from "../runtime/metrics-server.ts";
import { type Resource, resourcePath } from "./resource.ts";
import type { ApiClient } from "./transport.ts";

const tokenReviews = review("authentication.k8s.io", "tokenreviews", "TokenReview");
const accessReviews = review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview");

/** A verdict stands for so long; an API server that is away costs no scrape meanwhile. */
const standsMs = 60_000;
/** More tokens than this in a minute are somebody's guesses. */
const rememberedMax = 100;

interface TokenReviewStatus {
  readonly authenticated?: boolean;
  readonly user?: {
    readonly username?: string;
    readonly uid?: string;
    readonly groups?: readonly string[];
    readonly extra?: object;
  };
}

/**
 * Returns a judge of bearer tokens: one may read `/metrics` if the API server knows whose it
 * is (TokenReview) and lets him GET the non-resource URL `/metrics` (SubjectAccessReview).
 * Needs the right to create both. A verdict stands for a minute.
 */
export function scrapeJudge(
  client: Pick<ApiClient, "request">,
  clock: Clock,
  log: Log,
): (token: string) => Promise<ScrapeVerdict> {
  const verdicts = new Map<string, { readonly verdict: ScrapeVerdict; readonly at: number }>();
  return async (token) => {
    // The hash, so that no token stays in memory.
    const key = createHash("sha256").update(token).digest("base64");
    const known = verdicts.get(key);
    if (known !== undefined && clock.now() - known.at < standsMs) {
      return known.verdict;
    }
    try {
      const verdict = await ask(client, token);
      if (verdicts.size >= rememberedMax) {
        verdicts.clear();
      }
      verdicts.set(key, { verdict, at: clock.now() });
      return verdict;
    } catch (error) {
      log.warn({ err: String(error) }, "cannot find out who asks for /metrics");
      return "unknown";
    }
  };
}

async function ask(client: Pick<ApiClient, "request">, token: string): Promise<ScrapeVerdict> {
  const { authenticated, user } = await create<TokenReviewStatus>(client, tokenReviews, { token });
  if (authenticated !== true || user === undefined) {
    return "unauthenticated";
  }
  const { username, ...rest } = user;
  const { allowed } = await create<{ readonly allowed?: boolean }>(client, accessReviews, {
    user: username,
    ...rest,
    nonResourceAttributes: { path: "/metrics", verb: "get" },
  });
  return allowed === true ? "allowed" : "forbidden";
}

async function create<Status>(
  client: Pick<ApiClient, "request">,
  resource: Resource,
  spec: object,
): Promise<Status> {
  const { group, version, kind } = resource;
  const body = { apiVersion: `${group}/${version}`, kind, spec };
  const answer = await client.request({ method: "POST", path: resourcePath(resource), body });
  return (answer as { status: Status }).status;
}

function review(group: string, plural: string, kind: string): Resource {
  return { group, version: "v1", plural, kind, namespaced: false };
}
