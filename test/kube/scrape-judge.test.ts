import { describe, expect, test, vi } from "vitest";
import { UnreachableError } from "../../src/kube/api-error.ts";
import { scrapeJudge } from "../../src/kube/scrape-judge.ts";
import type { ApiRequest } from "../../src/kube/transport.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "./hand-clock.ts";

const user = { username: "prometheus", groups: ["system:authenticated"], extra: { node: ["a"] } };

function world(answers: { authenticated: boolean; allowed: boolean }): {
  clock: HandClock;
  request: ReturnType<typeof vi.fn<(request: ApiRequest) => Promise<unknown>>>;
  judge: ReturnType<typeof scrapeJudge>;
} {
  const clock = new HandClock();
  const request = vi.fn(async ({ path }: ApiRequest): Promise<unknown> => {
    const { authenticated, allowed } = answers;
    return { status: path.endsWith("/tokenreviews") ? { authenticated, user } : { allowed } };
  });
  return { clock, request, judge: scrapeJudge({ request }, clock, silentLog) };
}

describe("the judge of those who read metrics", () => {
  test("asks whose the token is and whether he may GET /metrics, with all that is known of him", async () => {
    const { judge, request } = world({ authenticated: true, allowed: true });
    expect(await judge("t")).toBe("allowed");
    expect(request.mock.calls.map(([{ method, path, body }]) => ({ method, path, body }))).toEqual([
      {
        method: "POST",
        path: "/apis/authentication.k8s.io/v1/tokenreviews",
        body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: "t" } },
      },
      {
        method: "POST",
        path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SubjectAccessReview",
          spec: {
            user: "prometheus",
            groups: user.groups,
            extra: user.extra,
            nonResourceAttributes: { path: "/metrics", verb: "get" },
          },
        },
      },
    ]);
  });

  test("asks no second question about a token that is nobody's", async () => {
    const { judge, request } = world({ authenticated: false, allowed: true });
    expect(await judge("t")).toBe("unauthenticated");
    expect(request).toHaveBeenCalledTimes(1);
  });

  test("holds a verdict for a minute, of each token its own, and then asks again", async () => {
    const answers = { authenticated: true, allowed: true };
    const { judge, request, clock } = world(answers);
    expect(await judge("t")).toBe("allowed");
    answers.allowed = false;
    await clock.advance(59_000);
    expect(await judge("t")).toBe("allowed");
    expect(request).toHaveBeenCalledTimes(2);
    expect(await judge("other")).toBe("forbidden");
    await clock.advance(1_000);
    expect(await judge("t")).toBe("forbidden");
  });

  test("lets nobody in while the API server is away, and asks again at the next scrape", async () => {
    const { judge, request } = world({ authenticated: true, allowed: true });
    request.mockRejectedValueOnce(new UnreachableError("away"));
    expect(await judge("t")).toBe("unknown");
    expect(await judge("t")).toBe("allowed");
  });
});
