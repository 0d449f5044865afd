import { expect, test } from "vitest";
import { compileGoPattern } from "../../src/speaker/go-pattern.ts";

test.each([
  ["^docker.*", "docker0", "mydocker"],
  ["eth[0-9]+$", "xeth12", "eth"],
  ["^(?:cali|tunl)", "cali1", "xcali"],
  ["(?i)^ETH", "eth0", "en0"],
  ["^(?P<kind>veth)\\w{4}$", "veth1a2b", "veth1"],
  ["^br-[^x]\\.5$", "br-a.5", "br-x.5"],
])("%s matches %s and not %s, as in Go", (pattern, yes, no) => {
  expect(compileGoPattern(pattern).test(yes)).toBe(true);
  expect(compileGoPattern(pattern).test(no)).toBe(false);
});

test.each([
  "\\pL",
  "[[:alpha:]]",
  "[]a]",
  "\\Qeth0\\E",
  "\\Aeth",
  "\\x{65}",
  "(a)\\1",
  "eth(?=0)",
  "(?<!x)eth",
  "eth(?s).",
])("%s is refused, not taken for something else", (pattern) => {
  expect(() => compileGoPattern(pattern)).toThrow("not supported");
});

test.each(["eth(", "[a", "*eth"])("%s is no regular expression in either", (pattern) => {
  expect(() => compileGoPattern(pattern)).toThrow("no regular expression");
});
