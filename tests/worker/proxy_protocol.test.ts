import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  MAX_V1,
  MAX_V2,
  parseProxyHead,
  type ProxyHead,
} from "../../core/handoff/proxy_protocol.ts";
import { test } from "../harness.ts";
import { v1, v2 } from "../proxy_head.ts";
import { createRandom, forSeeds, type Random } from "../random.ts";

const TAIL = Buffer.from("GET / HTTP/1.1\r\n\r\n");

function whole(head: ProxyHead): ProxyHead & { readonly kind: "whole" } {
  assert.equal(head.kind, "whole");
  return head as ProxyHead & { readonly kind: "whole" };
}

/** Every beginning is a part, and what follows changes nothing. */
function readsOf(header: Buffer): ReturnType<typeof whole> {
  for (let end = 0; end < header.length; end++) {
    assert.equal(parseProxyHead(header.subarray(0, end), "any").kind, "part");
  }
  const head = whole(parseProxyHead(header, "any"));
  assert.equal(head.length, header.length);
  const longer = Buffer.concat([header, TAIL]);
  assert.deepEqual(parseProxyHead(longer, "any"), head);
  return head;
}

test("version 1 says whose connection it is", () => {
  assert.deepEqual(readsOf(v1("TCP4 203.0.113.7 192.0.2.1 4711 443")).source, {
    address: "203.0.113.7",
    port: 4711,
    family: "IPv4",
  });
  assert.deepEqual(readsOf(v1("TCP6 2001:db8::7 ::1 0 65535")).source, {
    address: "2001:db8::7",
    port: 0,
    family: "IPv6",
  });
  assert.equal(readsOf(v1("UNKNOWN")).source, undefined);
  const most = v1(
    `UNKNOWN ${
      Array(2).fill("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").join(" ")
    } 65535 65535`,
  );
  assert.equal(most.length, MAX_V1);
  assert.equal(readsOf(most).source, undefined);
});

test("version 1 that breaks the rules is refused", () => {
  for (
    const line of [
      "TCP4 203.0.113.7 192.0.2.1 4711",
      "TCP4 203.0.113.7 192.0.2.1 4711 443 ",
      "TCP4  203.0.113.7 192.0.2.1 4711 443",
      "TCP4 203.0.113.256 192.0.2.1 4711 443",
      "TCP4 203.0.113.7 x 4711 443",
      "TCP4 ::1 ::1 4711 443",
      "TCP6 203.0.113.7 ::1 4711 443",
      "TCP6 fe80::1%lo ::1 4711 443",
      "TCP4 203.0.113.7 192.0.2.1 65536 443",
      "TCP4 203.0.113.7 192.0.2.1 04711 443",
      "TCP4 203.0.113.7 192.0.2.1 -1 443",
      "TCP5 203.0.113.7 192.0.2.1 4711 443",
      "tcp4 203.0.113.7 192.0.2.1 4711 443",
      "UNKNOWNX",
      "",
      `UNKNOWN ${"x".repeat(MAX_V1)}`,
    ]
  ) assert.equal(parseProxyHead(v1(line), "any").kind, "bad", line);
  const bare = Buffer.from("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\n");
  assert.equal(parseProxyHead(bare, "any").kind, "bad");
  const endless = Buffer.from(`PROXY UNKNOWN ${"x".repeat(200)}`);
  assert.equal(parseProxyHead(endless.subarray(0, 106), "v1").kind, "part");
  assert.equal(parseProxyHead(endless.subarray(0, 107), "v1").kind, "bad");
});

test("version 2 says whose connection it is", () => {
  const four = v2({ from: [203, 0, 113, 7], to: [192, 0, 2, 1], port: 4711 });
  assert.deepEqual(readsOf(four).source, {
    address: "203.0.113.7",
    port: 4711,
    family: "IPv4",
  });
  const six = (from: readonly number[]) =>
    readsOf(v2({ from, to: Array(16).fill(0), port: 9 })).source?.address;
  const bytes = (...groups: number[]) =>
    groups.flatMap((each) => [each >> 8, each & 255]);
  assert.equal(six(bytes(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)), "2001:db8::7");
  assert.equal(six(bytes(0, 0, 0, 0, 0, 0, 0, 0)), "::");
  assert.equal(six(bytes(0, 0, 0, 0, 0, 0, 0, 1)), "::1");
  assert.equal(six(bytes(1, 0, 0, 0, 0, 0, 0, 0)), "1::");
  assert.equal(six(bytes(1, 0, 2, 3, 4, 5, 6, 7)), "1:0:2:3:4:5:6:7");
  assert.equal(six(bytes(1, 0, 0, 2, 0, 0, 0, 3)), "1:0:0:2::3");
  assert.equal(six(bytes(10, 0, 0, 100, 0, 0, 1, 1)), "a::64:0:0:1:1");
});

test("TLVs are left out, others than TCP keep the peer", () => {
  const plan = { from: [1, 2, 3, 4], to: [5, 6, 7, 8], port: 1 };
  const tlvs = Buffer.from([0x03, 0, 4, 1, 2, 3, 4, 0x04, 0, 2, 0, 0]);
  assert.equal(readsOf(v2({ ...plan, tlvs })).source?.address, "1.2.3.4");
  // LOCAL, with addresses, with TLVs alone and with nothing at all.
  assert.equal(readsOf(v2({ ...plan, command: 0x20 })).source, undefined);
  const empty = { ...plan, from: [], to: [], transport: 0x00 };
  for (const command of [0x20, 0x21]) {
    assert.equal(readsOf(v2({ ...empty, command })).source, undefined);
    assert.equal(readsOf(v2({ ...empty, command, tlvs })).source, undefined);
  }
  for (const transport of [0x12, 0x22, 0x31, 0x32]) {
    const body = Buffer.alloc(216);
    const head = v2({ ...empty, transport, tlvs: body });
    assert.equal(readsOf(head).source, undefined);
  }
  const most = Buffer.alloc(MAX_V2 - 16 - 12);
  assert.equal(readsOf(v2({ ...plan, tlvs: most })).length, MAX_V2);
});

test("version 2 that breaks the rules is refused", () => {
  const plan = { from: [1, 2, 3, 4], to: [5, 6, 7, 8], port: 1 };
  const bad = (head: Buffer, why: string) =>
    assert.equal(parseProxyHead(head, "any").kind, "bad", why);
  for (const command of [0x22, 0x2f, 0x11, 0x31, 0x01]) {
    bad(v2({ ...plan, command }), `command ${command}`);
  }
  for (const transport of [0x01, 0x10, 0x13, 0x20, 0x41, 0xff]) {
    bad(v2({ ...plan, transport }), `transport ${transport}`);
  }
  bad(v2({ ...plan, transport: 0x21 }), "12 bytes for IPv6");
  const long = v2({ ...plan, tlvs: Buffer.alloc(MAX_V2) });
  bad(long.subarray(0, 16), "too long, known from its 16 first bytes");
});

test("a version that was not asked for is refused", () => {
  const one = v1("UNKNOWN");
  const two = v2({ from: [1, 2, 3, 4], to: [5, 6, 7, 8], port: 1 });
  assert.equal(parseProxyHead(one, "v2").kind, "bad");
  assert.equal(parseProxyHead(two, "v1").kind, "bad");
  assert.equal(parseProxyHead(one, "v1").kind, "whole");
  assert.equal(parseProxyHead(two, "v2").kind, "whole");
  assert.equal(parseProxyHead(TAIL, "any").kind, "bad");
  assert.equal(parseProxyHead(Buffer.from("\r\nGET"), "any").kind, "bad");
});

test("damaged headers never throw and never end past their bytes", () => {
  const start = createRandom(7);
  const samples = [
    v1("TCP4 203.0.113.7 192.0.2.1 4711 443"),
    v1("TCP6 2001:db8::7 ::1 1 65535"),
    v2({ from: [1, 2, 3, 4], to: [5, 6, 7, 8], port: 1 }),
    v2({
      from: Array.from({ length: 16 }, () => start.whole(0, 255)),
      to: Array(16).fill(1),
      port: 2,
      tlvs: Buffer.alloc(40, 3),
    }),
  ];
  forSeeds(4000, (random) => {
    const bytes = damaged(random.pick(samples), random);
    const version = random.pick(["v1", "v2", "any"] as const);
    const head = parseProxyHead(bytes, version);
    const say = `seed ${random.seed}: ${bytes.toString("hex")}`;
    if (head.kind === "whole") {
      assert.ok(head.length <= bytes.length && head.length <= MAX_V2, say);
      // Deciding early must not have looked at what was to come.
      for (let end = 0; end < head.length; end++) {
        const part = parseProxyHead(bytes.subarray(0, end), version);
        assert.equal(part.kind, "part", say);
      }
    } else if (head.kind === "part") {
      assert.ok(bytes.length < MAX_V2, say);
    }
  });
});

function damaged(sample: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(sample);
  for (let i = random.whole(0, 3); i > 0; i--) {
    bytes[random.whole(0, bytes.length - 1)] = random.whole(0, 255);
  }
  const cut = bytes.subarray(0, random.whole(1, bytes.length));
  return random.chance(0.5) ? cut : Buffer.concat([bytes, TAIL]);
}
