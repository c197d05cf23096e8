import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { affinityOf } from "../../core/options/balance.ts";
import { MAX_HEAD } from "../../core/protocol.ts";
import {
  createPreread,
  MAX_READING,
  type Preread,
  PREREAD_MS,
} from "../../core/handoff/preread.ts";
import { describe, test } from "../harness.ts";
import { v1, v2 } from "../proxy_head.ts";
import { type Conn, conn } from "./backends.ts";

interface Passed {
  readonly number: number;
  readonly key: string | undefined;
  readonly head: string | undefined;
}

/** A preread, and what it has passed on. */
function desk(balance: string): {
  preread: Preread;
  passed: Passed[];
  world: MemoryWorld;
} {
  const world = new MemoryWorld();
  const passed: Passed[] = [];
  const preread = createPreread(
    affinityOf(balance),
    world.adapter.clock,
    ({ listener, connection, key, head }) => {
      assert.equal(listener, "web");
      assert.equal((connection as Conn).isRead, false, "nothing reads it");
      passed.push({ number: (connection as Conn).number, key, head });
    },
  );
  return { preread, passed, world };
}

const HEAD = "GET /?sid=q HTTP/1.1\r\nCookie: sid=c\r\n\r\n";

describe("clients that nobody has to read", () => {
  test("are passed on at once, with their address where that ties", () => {
    for (const [balance, key] of [["round-robin"], ["sticky", "192.0.2.1"]]) {
      const { preread, passed } = desk(balance!);
      const one = conn(1, "192.0.2.1");
      preread.offer("web", one);
      assert.deepEqual(passed, [{ number: 1, key, head: undefined }]);
    }
  });
});

describe("clients that are read", () => {
  for (const [balance, key] of [["query", "q"], ["cookie", "c"]]) {
    test(`are passed on with their ${balance} and all they have sent`, () => {
      const { preread, passed } = desk(`sticky=${balance}:sid`);
      const one = conn(1, "192.0.2.1");
      preread.offer("web", one);
      assert.equal(one.isRead, true);
      for (const char of HEAD) if (one.isRead) one.say(char);
      assert.equal(passed.length, 1);
      assert.equal(passed[0]!.key, key);
      assert.ok(HEAD.startsWith(passed[0]!.head!));
    });
  }

  test("keep every byte of what they send", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    const one = conn(1);
    const bytes = String.fromCharCode(...Array(256).keys());
    preread.offer("web", one);
    one.say(`${HEAD}${bytes}`);
    assert.equal(passed[0]!.head, `${HEAD}${bytes}`);
  });

  test("are passed on alone where what was read is still in the connection", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    const one = conn(1, undefined, true);
    preread.offer("web", one);
    one.say(HEAD);
    assert.deepEqual(passed, [{ number: 1, key: "c", head: undefined }]);
  });

  test("do not wait for each other", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    const [silent, slow, quick] = [conn(1), conn(2), conn(3)];
    for (const one of [silent, slow, quick]) preread.offer("web", one);
    slow.say(HEAD.slice(0, -1));
    quick.say(HEAD);
    slow.say(HEAD.slice(-1));
    assert.deepEqual(passed.map(({ number }) => number), [3, 2]);
  });

  test("without an id have no key", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    const one = conn(1, "192.0.2.1");
    preread.offer("web", one);
    one.say("GET / HTTP/1.1\r\n\r\n");
    assert.equal(passed[0]!.key, undefined);
  });

  test("with TLS have their address for a key, after the first byte", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    const one = conn(1, "192.0.2.1");
    preread.offer("web", one);
    one.say("\x16");
    assert.deepEqual(passed, [{ number: 1, key: "192.0.2.1", head: "\x16" }]);
  });

  test("have a limited time, and go on with what they have sent", () => {
    const { preread, passed, world } = desk("sticky=query:sid");
    const silent = conn(1, "192.0.2.1");
    const half = conn(2);
    preread.offer("web", silent);
    preread.offer("web", half);
    half.say("GET /?sid=a");
    world.advance(PREREAD_MS - 1);
    assert.equal(passed.length, 0);
    world.advance(1);
    assert.deepEqual(passed, [
      { number: 1, key: undefined, head: "" },
      { number: 2, key: "a", head: "GET /?sid=a" },
    ]);
    world.advance(PREREAD_MS);
    assert.equal(passed.length, 2);
  });

  test("have a limited length", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    const one = conn(1);
    preread.offer("web", one);
    one.say("x".repeat(MAX_HEAD - 1));
    assert.equal(passed.length, 0);
    one.say("x");
    assert.equal(passed[0]!.head!.length, MAX_HEAD);
  });

  test("are so many at most; the oldest then goes on as it is", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    for (let i = 0; i <= MAX_READING; i++) preread.offer("web", conn(i));
    assert.deepEqual(passed.map(({ number }) => number), [0]);
  });

  test("that leave without a word are closed, and the others are not", () => {
    const { preread, passed, world } = desk("sticky=cookie:sid");
    const all = [conn(1), conn(2), conn(3)] as const;
    for (const one of all) preread.offer("web", one);
    all[0].end();
    all[1].say("GET /");
    all[1].end();
    all[2].say("GET /");
    all[2].end(true);
    world.advance(PREREAD_MS);
    assert.deepEqual(all.map(({ closed }) => closed), [1, 0, 1]);
    assert.deepEqual(passed.map(({ number }) => number), [2]);
  });

  test("all go on when the pool stops", () => {
    const { preread, passed } = desk("sticky=cookie:sid");
    for (let i = 0; i < 3; i++) preread.offer("web", conn(i));
    preread.flush();
    preread.flush();
    assert.deepEqual(passed.map(({ number }) => number), [0, 1, 2]);
  });
});

describe("clients behind a load balancer that speaks the PROXY protocol", () => {
  const proxy = { version: "any", trust: ["127.0.0.1"] } as const;
  const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
  const HEADERS = {
    v1: latin1(v1("TCP4 192.0.2.9 127.0.0.1 4711 443")),
    v2: latin1(v2({ from: [192, 0, 2, 9], to: [127, 0, 0, 1], port: 4711 })),
  };
  const CASES = [
    ["sticky", "", "192.0.2.9"],
    ["sticky=query:sid", HEAD, "q"],
    ["sticky=cookie:sid", HEAD, "c"],
    ["sticky=cookie:sid", "\x16\x03", "192.0.2.9"],
  ] as const;

  for (const [version, header] of Object.entries(HEADERS)) {
    for (const [balance, rest, key] of CASES) {
      const what = rest === HEAD ? "a request" : rest === "" ? "it" : "TLS";
      test(`${version}, ${balance}: are known after ${what}`, () => {
        for (const size of [1, 7, 1000]) {
          const { preread, passed } = desk(balance);
          const one = conn(1, "127.0.0.1");
          preread.offer("web", one, proxy);
          const text = header + rest;
          for (let at = 0; at < text.length && one.isRead; at += size) {
            assert.equal(passed.length, 0);
            one.say(text.slice(at, at + size));
          }
          assert.equal(passed[0]!.key, key);
          assert.ok(text.startsWith(passed[0]!.head!));
        }
      });
    }
  }

  test("have no key when the header is bad, and nothing is lost", () => {
    const { preread, passed } = desk("sticky");
    preread.offer("web", conn(1, "127.0.0.1"), proxy);
    const one = conn(2, "127.0.0.1");
    preread.offer("web", one, proxy);
    one.say(HEAD);
    assert.deepEqual(passed, [{ number: 2, key: undefined, head: HEAD }]);
  });
});
