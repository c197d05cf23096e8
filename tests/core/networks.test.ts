import assert from "node:assert/strict";
import { isIP } from "node:net";
import {
  addressBytes,
  ipFamily,
  isInNetworks,
  type Network,
  parseNetwork,
  shortIpv6,
} from "../../core/options/networks.ts";
import { forSeeds } from "../random.ts";
import { test } from "../harness.ts";

const hex = (address: string): string | undefined =>
  addressBytes(address)?.map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");

test("addresses are read into 16 bytes", () => {
  const mapped = "00000000000000000000ffff";
  assert.equal(hex("192.0.2.1"), `${mapped}c0000201`);
  assert.equal(hex("::ffff:192.0.2.1"), `${mapped}c0000201`);
  assert.equal(hex("::"), "0".repeat(32));
  assert.equal(hex("::1"), `${"0".repeat(31)}1`);
  assert.equal(hex("2001:DB8::5:0"), "20010db8000000000000000000050000");
  assert.equal(hex("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  assert.equal(hex("fe80::1%eth0"), "fe800000000000000000000000000001");
});

test("the family of an address is the one that node:net tells", () => {
  const texts = ["192.0.2.1", "0.0.0.0", "::", "::1", "::ffff:192.0.2.1"]
    .concat("2001:DB8::5:0", "fe80::1%eth0", "", ".", "localhost")
    .concat("192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1%eth0")
    .concat("1:2", ":", "1::2::3", "1:2:3:4:5:6:7:8:9", "::192.0.2");
  for (const text of texts) {
    assert.equal(ipFamily(text) ?? 0, isIP(text), text);
  }
});

test("an address is written in short as URLs have it", () => {
  forSeeds(500, (random) => {
    const groups = Array.from(
      { length: 8 },
      () => random.pick(["0", "0", "1", "10", "100", "a0", "ffff"]),
    ).join(":");
    const { hostname } = new URL(`http://[${groups}]`);
    assert.equal(`[${shortIpv6(groups)}]`, hostname);
  });
});

test("what is no address is refused", () => {
  for (
    const text of [
      "",
      ".",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4.",
      "1.2.3.-4",
      "0x1.2.3.4",
      "1.2.3.4 ",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8",
      "12345::",
      "g::",
      "1.2.3.4::",
      "::1.2.3.4.5",
      "localhost",
    ]
  ) assert.equal(addressBytes(text), undefined, text);
});

test("networks hold the addresses that begin like them", () => {
  const inside = (address: string, ...networks: string[]): boolean =>
    isInNetworks(address, networks.map((each) => parseNetwork(each)!));
  assert.ok(inside("10.255.0.1", "10.0.0.0/8"));
  assert.ok(!inside("11.0.0.1", "10.0.0.0/8"));
  assert.ok(inside("::ffff:10.1.2.3", "10.0.0.0/8"));
  assert.ok(inside("192.0.2.129", "192.0.2.128/25"));
  assert.ok(!inside("192.0.2.127", "192.0.2.128/25"));
  assert.ok(inside("192.0.2.1", "198.51.100.0/24", "192.0.2.1"));
  assert.ok(!inside("192.0.2.2", "192.0.2.1"));
  assert.ok(inside("203.0.113.9", "0.0.0.0/0"));
  assert.ok(!inside("::1", "0.0.0.0/0"));
  assert.ok(inside("fd12::1", "fc00::/7"));
  assert.ok(!inside("fe80::1", "fc00::/7"));
  assert.ok(!inside("", "0.0.0.0/0", "::/0"));
  for (const text of ["", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "a/8"]) {
    assert.equal(parseNetwork(text), undefined, text);
  }
});

test("a network holds exactly the addresses with its prefix", () => {
  forSeeds(200, (random) => {
    const bits = random.whole(0, 32);
    const base = random.whole(0, 2 ** 32 - 1);
    const network = parseNetwork(`${dotted(base)}/${bits}`) as Network;
    const flipped = random.whole(0, 31);
    const other = Number(BigInt(base) ^ (1n << BigInt(31 - flipped)));
    assert.equal(
      isInNetworks(dotted(other), [network]),
      flipped >= bits,
      `seed ${random.seed}`,
    );
  });
});

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => value / 2 ** shift & 255).join(".");
}
