import assert from "node:assert/strict";
import { parseListener } from "../../core/options/address.ts";
import { checkFeatures } from "../../core/preflight.ts";
import {
  decodeInheritance,
  encodeInheritance,
  type InheritedListener,
} from "../../core/launch/environment.ts";
import { exitCodeOf } from "../../core/errors.ts";
import { DEFAULT_TRUST } from "../../core/options/listener_features.ts";
import { MemoryWorld } from "../../adapters/memory.ts";
import { test } from "../harness.ts";

test("certificates and the PROXY protocol are settings of an address", () => {
  const { certificates, proxy, backlog } = parseListener(
    ":443?cert=/a.pem&key=/a.key&backlog=7&cert=b.pem&key=b%2b.key&proxy=v2&trust=10.0.0.0/8,::1",
  );
  assert.deepEqual(certificates, [
    { cert: "/a.pem", key: "/a.key" },
    { cert: "b.pem", key: "b+.key" },
  ]);
  assert.deepEqual(proxy, { version: "v2", trust: ["10.0.0.0/8", "::1"] });
  assert.equal(backlog, 7);
  assert.deepEqual(parseListener("unix:/x?proxy=any").proxy, {
    version: "any",
    trust: DEFAULT_TRUST,
  });
  assert.ok(!("proxy" in parseListener(":80")));
  assert.ok(!("certificates" in parseListener(":80")));
});

test("wrong settings are named in one sentence", () => {
  const refused: Record<string, string> = {
    ":1?cert=/a":
      'it has 1 "cert" and 0 "key", each certificate needs its key as in "?cert=/path/fullchain.pem&key=/path/key.pem"',
    ":1?key=/a":
      'it has 0 "cert" and 1 "key", each certificate needs its key as in "?cert=/path/fullchain.pem&key=/path/key.pem"',
    ":1?cert=&key=/a": '"cert" is empty, give it a value or leave it out',
    ":1?proxy=v3": '"proxy" must be v1, v2 or any, received "v3"',
    ":1?proxy": '"proxy" is empty, give it a value or leave it out',
    ":1?proxy=v1&proxy=v2": '"proxy" is there twice, "any" reads both versions',
    ":1?trust=::1": '"trust" belongs to "proxy", add "proxy=v2"',
    ":1?proxy=v1&trust=lb.example":
      '"trust" takes addresses and networks such as "10.0.0.0/8,192.0.2.1", received "lb.example"',
  };
  for (const [text, problem] of Object.entries(refused)) {
    assert.throws(() => parseListener(text), {
      name: "TypeError",
      message: `Cannot listen on "${text}": ${problem}`,
    });
  }
});

test("workers get the features of a listener, and only whole ones", () => {
  const listener: InheritedListener = {
    name: "web",
    address: ":443",
    mode: "shared",
    backlog: 1,
    ipv6Only: false,
    fds: [3],
    shard: 0,
    certificates: [{ cert: "/a", key: "/b" }],
    proxy: { version: "any", trust: ["::1"] },
  };
  const around = (each: object) =>
    decodeInheritance(encodeInheritance({
      slot: 0,
      generation: 1,
      listeners: [each as InheritedListener],
    }))?.listeners;
  assert.deepEqual(around(listener), [listener]);
  for (
    const damage of [
      { certificates: [] },
      { certificates: [{ cert: "/a" }] },
      { proxy: { version: "v3", trust: ["::1"] } },
      { proxy: { version: "v1", trust: [] } },
      { proxy: { version: "v1", trust: ["x"] } },
      { proxy: null },
    ]
  ) {
    assert.throws(() => around({ ...listener, ...damage }), /is damaged/);
  }
});

test("the supervisor makes paths absolute and refuses what cannot work", () => {
  const { adapter } = new MemoryWorld();
  const check = (text: string, foreign = false) =>
    checkFeatures([parseListener(text)], foreign, adapter);
  assert.deepEqual(check("a=:1?cert=x.pem&key=/y.pem")[0]!.certificates, [
    { cert: "/here/x.pem", key: "/y.pem" },
  ]);
  const plain = parseListener(":1");
  assert.deepEqual(checkFeatures([plain], true, adapter), [plain]);
  try {
    check("a=:1?cert=missing.pem&key=/y.pem");
    assert.fail("nothing was thrown");
  } catch (error) {
    const { message } = error as Error;
    assert.equal(
      message,
      'Cannot listen on "a": "/here/missing.pem" is not there',
    );
    assert.equal(exitCodeOf(error), 4);
  }
  assert.throws(() => check("a=:1?proxy=v1", true), {
    name: "TypeError",
    message:
      'Cannot listen on "a": only workers on Node, Deno and Bun read the PROXY header, leave "proxy" out and let the program do it',
  });
  assert.throws(() => check("a=:1?cert=x&key=y", true), {
    name: "TypeError",
    message:
      'Cannot listen on "a": only workers on Node, Deno and Bun end TLS, leave "cert" and "key" out and let the program do it',
  });
});
