import type { SimulatedNetwork } from "./simulated-network.ts";

const path = "/apis/steelyard.dev/v1alpha1/addresspolicies";
const plural = "addresspolicies";
const names = ["lan", "strict"];
const excluded = [
  [],
  [],
  ["192.0.2.10"],
  ["192.0.2.11", "192.0.2.12"],
  ["192.0.2.13", "2001:db8::10"],
];
const scopes = ["Cluster", "Namespace", "None"];

/** An admin makes a policy, changes it or takes it away. Each is for every pool. */
export function changePolicy({ api, random, trace }: SimulatedNetwork): void {
  const name = random.pick(names);
  const there = api.get(plural, name) !== undefined;
  if (there && random.chance(0.4)) {
    api.remove("admin", plural, name);
    trace(() => `admin deletes policy ${name}`);
    return;
  }
  const spec = {
    profile: name === "strict" ? "Strict" : "Compatible",
    excludedAddresses: random.pick(excluded),
    // Shorter than what Strict would say, so that a run does not only wait.
    reuseDelaySeconds: random.pick([0, 5, 45]),
    ...(random.chance(0.3) ? { sharingScope: random.pick(scopes) } : {}),
  };
  if (there) {
    api.edit("admin", plural, name, () => ({ spec }));
  } else {
    api.handle({ method: "POST", path, body: { metadata: { name }, spec } }, "admin");
  }
  trace(() => `admin wants of policy ${name}: ${JSON.stringify(spec)}`);
}
