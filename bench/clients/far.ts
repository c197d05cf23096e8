/**
 * Puts clients at a distance: what is sent to 10.0.0.2 comes to this machine's
 * 10.0.0.1 as if 10.0.0.2 had sent it, after so many ms, and the same back. In
 * a network namespace of its own, which has to be the only one who uses it.
 * Prints a line when it is there.
 *
 * A TUN device (Documentation/networking/tuntap.rst) hands over whole packets.
 * Both addresses change places, so that no checksum changes.
 *
 * usage: far.ts MS
 */

import { spawnSync } from "node:child_process";
import { openSync, read, write } from "node:fs";
import process from "node:process";

/** Where a client finds the pool. */
export const FAR_HOST = "10.0.0.2";

/** From `linux/if_tun.h`: makes a device of a file. */
const TUNSETIFF = 0x400454ca;

/** Packets of IP, with nothing before them. */
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;

/** A `struct ifreq`, and where its flags are. */
const IFREQ_BYTES = 40;
const FLAGS_AT = 16;

/** Where the addresses are in a header of IPv4. */
const SOURCE_AT = 12;
const TARGET_AT = 16;
const AFTER = 20;

/** More than a packet has. */
const PACKET_BYTES = 65_536;

/** Reads that wait at a time: each has a thread of libuv's pool. */
const READS = 2;

interface Ffi {
  readonly DynamicLibrary: new (file: string) => {
    getFunction(
      name: string,
      signature: { arguments: string[]; return: string },
    ): (...args: unknown[]) => number;
  };
}

if (import.meta.main) {
  const delay = Number(process.argv[2]);
  const file = openSync("/dev/net/tun", "r+");
  makeDevice(file, "far0");
  ip("addr", "add", "10.0.0.1", "peer", FAR_HOST, "dev", "far0");
  ip("link", "set", "far0", "up");
  for (let i = 0; i < READS; i++) carry(file, delay);
  process.stdout.write("there\n");
}

function makeDevice(file: number, name: string): void {
  const { DynamicLibrary } = process.getBuiltinModule(
    "node:ffi" as string,
  ) as unknown as Ffi;
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, FLAGS_AT);
  const ioctl = new DynamicLibrary("libc.so.6").getFunction("ioctl", {
    arguments: ["int32", "uint64", "buffer"],
    return: "int32",
  });
  if (ioctl(file, BigInt(TUNSETIFF), request) !== 0) {
    throw new Error("Cannot make a TUN device: it takes CAP_NET_ADMIN");
  }
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`Cannot run ip ${args.join(" ")}: ${stderr}`);
  }
}

/** Carries one packet after the other. */
function carry(file: number, delay: number): void {
  const packet = Buffer.alloc(PACKET_BYTES);
  const next = (): void =>
    read(file, packet, 0, packet.length, null, (error, length) => {
      if (error !== null) throw error;
      const turned = turn(packet.subarray(0, length));
      setTimeout(() => write(file, turned, () => undefined), delay);
      next();
    });
  next();
}

function turn(packet: Buffer): Buffer {
  return Buffer.concat([
    packet.subarray(0, SOURCE_AT),
    packet.subarray(TARGET_AT, AFTER),
    packet.subarray(SOURCE_AT, TARGET_AT),
    packet.subarray(AFTER),
  ]);
}
