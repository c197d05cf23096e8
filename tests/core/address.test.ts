import assert from "node:assert/strict";
import {
  type Address,
  DEFAULT_BACKLOG,
  formatAddress,
  type ListenerSpec,
  MAX_UNIX_PATH,
  parseListener,
} from "../../core/options/address.ts";
import { describe, test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";

const tcp = (host: string, port: number): Address => ({
  kind: "tcp",
  host,
  port,
});
const udp = (host: string, port: number): Address => ({
  kind: "udp",
  host,
  port,
});
const unix = (path: string, abstract = false): Address => ({
  kind: "unix",
  path,
  abstract,
});

describe("the forms of an address", () => {
  const forms: readonly (readonly [string, Address, string])[] = [
    [":8080", tcp("", 8080), ":8080"],
    ["8080", tcp("", 8080), ":8080"],
    ["*:8080", tcp("", 8080), ":8080"],
    [":0", tcp("", 0), ":0"],
    [":65535", tcp("", 65535), ":65535"],
    ["localhost:80", tcp("localhost", 80), "localhost:80"],
    ["0.0.0.0:80", tcp("0.0.0.0", 80), "0.0.0.0:80"],
    ["my-host.example:80", tcp("my-host.example", 80), "my-host.example:80"],
    ["[::1]:80", tcp("::1", 80), "[::1]:80"],
    ["[fe80::1%eth0]:80", tcp("fe80::1%eth0", 80), "[fe80::1%eth0]:80"],
    ["tcp://:80", tcp("", 80), ":80"],
    ["tcp://127.0.0.1:80", tcp("127.0.0.1", 80), "127.0.0.1:80"],
    ["tcp://[::]:80", tcp("::", 80), "[::]:80"],
    ["udp://:53", udp("0.0.0.0", 53), "udp://0.0.0.0:53"],
    ["udp://*:53", udp("0.0.0.0", 53), "udp://0.0.0.0:53"],
    ["udp://53", udp("0.0.0.0", 53), "udp://0.0.0.0:53"],
    ["udp://localhost:0", udp("localhost", 0), "udp://localhost:0"],
    ["udp://[::]:53", udp("::", 53), "udp://[::]:53"],
    ["udp://239.1.2.3:53", udp("239.1.2.3", 53), "udp://239.1.2.3:53"],
    ["unix:/run/a.sock", unix("/run/a.sock"), "unix:/run/a.sock"],
    ["unix:a b=c:d.sock", unix("a b=c:d.sock"), "unix:a b=c:d.sock"],
    ["unix:@pool", unix("pool", true), "unix:@pool"],
    ["unix:@@pool", unix("@pool", true), "unix:@@pool"],
    ["fd:3", { kind: "fd", fd: 3 }, "fd:3"],
    ["fd:12", { kind: "fd", fd: 12 }, "fd:12"],
    ["fd:0", { kind: "fd", fd: 0 }, "fd:0"],
    [
      "systemd:web.socket",
      { kind: "fd", fd: -1, by: "systemd:web.socket" },
      "systemd:web.socket",
    ],
    ["systemd:", { kind: "fd", fd: -1, by: "systemd:" }, "systemd:"],
  ];
  for (const [text, address, written] of forms) {
    test(`"${text}" is understood and written as "${written}"`, () => {
      assert.deepEqual(parseListener(text), {
        name: written,
        address,
        backlog: DEFAULT_BACKLOG,
        ipv6Only: false,
      });
      assert.equal(formatAddress(address), written);
    });
  }
});

describe("names and settings", () => {
  const cases: readonly (readonly [string, Partial<ListenerSpec>])[] = [
    ["api=:80", { name: "api", address: tcp("", 80) }],
    ["_a.b-1=[::1]:80", { name: "_a.b-1", address: tcp("::1", 80) }],
    ["api=unix:/a=b", { name: "api", address: unix("/a=b") }],
    ["api=fd:4", { name: "api", address: { kind: "fd", fd: 4 } }],
    [":80?", { name: ":80" }],
    [":80?backlog=1", { name: ":80", backlog: 1 }],
    [":80?backlog=2147483647", { backlog: 2147483647 }],
    ["[::]:80?ipv6Only", { ipv6Only: true }],
    ["[::]:80?ipv6Only=1", { ipv6Only: true }],
    ["[::]:80?ipv6Only=true", { ipv6Only: true }],
    ["[::]:80?ipv6Only=false", { ipv6Only: false }],
    ["dns=udp://[::]:53?ipv6Only&share=sharded", {
      name: "dns",
      address: udp("::", 53),
      ipv6Only: true,
      share: "sharded",
    }],
    ["[::]:80?ipv6Only=0&backlog=9", { ipv6Only: false, backlog: 9 }],
    [":80?share=sharded", { share: "sharded" }],
    ["unix:/a?mode=0660", { address: unix("/a"), mode: 0o660 }],
    ["unix:/a?mode=600", { mode: 0o600 }],
    ["unix:/a?mode=0600&owner=www&group=33", {
      mode: 0o600,
      owner: "www",
      group: "33",
    }],
    ["x=unix:@pool?backlog=5&share=handoff", {
      name: "x",
      address: unix("pool", true),
      backlog: 5,
      share: "handoff",
    }],
    ["fd:3?backlog=5", { backlog: 5 }],
  ];
  for (const [text, expected] of cases) {
    test(`"${text}" has them`, () => {
      const spec = parseListener(text);
      assert.deepEqual({ ...spec, ...expected }, spec);
    });
  }
});

describe("bad addresses", () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ["", /one of ":8080", "host:port"/],
    ["api=", /one of ":8080"/],
    ["tcp://", /one of ":8080"/],
    ["localhost", /one of ":8080"/],
    ["::1:80", /one of ":8080"/],
    ["[::1]", /one of ":8080"/],
    ["[]:80", /one of ":8080"/],
    ["http://a:80", /one of ":8080"/],
    ["a b:80", /"a b" is no host/],
    ["me@a:80", /"me@a" is no host/],
    ["1api=:80", /"1api=" is no host/],
    ["a/b:80", /"a\/b" is no host/],
    [":", /port must be a number from 0 to 65535, received ""/],
    ["a:", /received ""/],
    [":99999", /from 0 to 65535, received "99999"/],
    ["99999", /received "99999"/],
    ["[::1]:65536", /received "65536"/],
    [":-1", /received "-1"/],
    [":80x", /received "80x"/],
    [":1e3", /received "1e3"/],
    [`:${"9".repeat(400)}`, /received "9+"/],
    ["fd:", /from 0 on, as in "fd:3"/],
    ["systemd:a:b", /after "systemd:" comes the "FileDescriptorName="/],
    ["systemd: ", /or nothing for all of them/],
    ["fd:-3", /from 0 on/],
    ["fd:3.5", /from 0 on/],
    ["fd:99999999", /from 0 on/],
    ["/run/a.sock", /needs "unix:" in front of it/],
    ["./a.sock", /as in "unix:.\/a.sock"/],
    ["unix:", /path of the Unix socket is empty, write "unix:\/path"/],
    ["unix:?mode=0660", /path of the Unix socket is empty/],
    ["unix:@", /is empty/],
    [":80?mode=0660", /"mode" belongs to paths of Unix sockets/],
    ["unix:@a?mode=0660", /"mode" belongs to paths of Unix sockets/],
    ["unix:@a?owner=me", /"owner" belongs to paths of Unix sockets/],
    ["unix:@a?colour=red", /there is no setting "colour", valid are backlog/],
    ["fd:3?group=me", /"group" belongs to paths/],
    ["udp://", /one of ":8080"/],
    ["udp://[::1]", /one of ":8080"/],
    ["udp://:65536", /received "65536"/],
    ["udp://:53?backlog=5", /"backlog" is not for UDP: .*net.core.rmem_max/],
    ["udp://:53?cert=a&key=b", /"cert" is not for UDP: TLS is for connecti/],
    ["udp://:53?proxy=v2", /"proxy" is not for UDP: .* none a PROXY header/],
    ["udp://:53?trust=::1", /"trust" is not for UDP/],
    ["udp://:53?mode=0600", /"mode" belongs to paths of Unix sockets/],
    ["udp://1.2.3.4:53?ipv6Only", /"ipv6Only" belongs to IPv6 addresses/],
    ["unix:/a?ipv6Only", /"ipv6Only" belongs to TCP addresses/],
    [":80?colour=red", /no setting "colour", valid are backlog, share/],
    [":80?__proto__=1", /no setting "__proto__"/],
    [":80?backlog=0", /"backlog" must be a whole number from 1 to 2147483647/],
    [":80?backlog=1.5", /received "1.5"/],
    [":80?backlog=2147483648", /received "2147483648"/],
    [":80?backlog", /received ""/],
    ["[::]:80?ipv6Only=yes", /"ipv6Only" must be true or false, .* "yes"/],
    [":80?share=shared&share=handoff", /"share" is there twice/],
    [":80?backlog=5&share=shared&backlog=5", /"backlog" is there twice/],
    ["unix:/a?mode=0600&mode=0660", /"mode" is there twice/],
    [
      "unix:/a?mode=888",
      /octal digits from 000 to 777, as in "0660", received "888"/,
    ],
    ["unix:/a?mode=66", /received "66"/],
    ["unix:/a?mode=rw", /received "rw"/],
  ];
  for (const [text, pattern] of bad) {
    test(`"${text.slice(0, 30)}" is refused by name`, () => {
      assert.throws(() => parseListener(text), (error) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        assert.match(error.message, pattern);
        assert.ok(error.message.startsWith(`Cannot listen on "${text}": `));
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    });
  }

  test("a NUL byte in a path is refused and shown as an escape", () => {
    assert.throws(() => parseListener("unix:/a\0b"), {
      message: 'Cannot listen on "unix:/a\\0b": a path cannot hold a NUL byte',
    });
  });
});

describe("the length of a Unix socket's path", () => {
  const paths: readonly (readonly [string, string])[] = [
    ["ASCII", "/" + "a".repeat(MAX_UNIX_PATH - 1)],
    ["of two bytes a letter", "/" + "é".repeat(53)],
    ["of four bytes a letter", "/ab" + "🦊".repeat(26)],
    ["abstract", "@" + "a".repeat(MAX_UNIX_PATH)],
  ];
  for (const [what, path] of paths) {
    test(`107 bytes fit and 108 do not, ${what}`, () => {
      assert.equal(MAX_UNIX_PATH, 107);
      const { address } = parseListener(`unix:${path}`);
      assert.equal(formatAddress(address), `unix:${path}`);
      assert.throws(() => parseListener(`unix:${path}a`), {
        name: "RangeError",
        message:
          `Cannot listen on "unix:${path}a": the path has 108 bytes, a Unix socket's has at most 107`,
      });
    });
  }
});

test("what is formatted is parsed to the same, whatever it is", () => {
  forSeeds(2_000, (random) => {
    const address = randomAddress(random);
    const text = formatAddress(address);
    const seed = `seed ${random.seed}: ${text}`;
    assert.deepEqual(parseListener(text).address, address, seed);
    const named = parseListener(`api=${text}?backlog=7`);
    assert.deepEqual(named.address, address, seed);
    assert.equal(named.name, "api", seed);
    assert.equal(named.backlog, 7, seed);
  });
});

test("no text makes the parser fail in another way than it says", () => {
  const letters = [..."[]:/@?=&.%*- 08fxé", "tcp://", "unix:", "fd:", "mode="];
  forSeeds(5_000, (random) => {
    let text = "";
    for (let i = random.whole(0, 8); i > 0; i--) text += random.pick(letters);
    const seed = `seed ${random.seed}: ${JSON.stringify(text)}`;
    try {
      const { address, ...rest } = parseListener(text);
      const again = parseListener(formatAddress(address));
      assert.deepEqual(again.address, address, seed);
      assert.ok(rest.backlog >= 1, seed);
    } catch (error) {
      assert.match(String(error), /Error: Cannot listen on "/, seed);
    }
  });
});

function randomAddress(random: Random): Address {
  const name = (letters: string): string =>
    Array.from(
      { length: random.whole(1, 20) },
      () => random.pick([...letters]),
    ).join("");
  switch (random.whole(0, 4)) {
    case 0:
      return tcp(
        random.chance(0.2) ? "" : name("abcxyz019.-"),
        random.whole(0, 65535),
      );
    case 1:
      return tcp(`${name("0123456789abcdef")}::1`, random.whole(0, 65535));
    case 2:
      return unix(`/${name("abc/é🦊 =:.-@&%")}`);
    case 3:
      return unix(name("abc/é🦊 =:.-@&%"), true);
    default:
      return { kind: "fd", fd: random.whole(3, 9_999_999) };
  }
}
