/** Headers of the PROXY protocol, made by hand from its specification. */

import { Buffer } from "node:buffer";

/** A header of version 1: what stands behind "PROXY ". */
export function v1(rest: string): Buffer {
  return Buffer.from(`PROXY ${rest}\r\n`);
}

/** What a header of version 2 says. */
export interface V2 {
  /** The bytes of both addresses: 4 or 16 each. */
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** The client's port; the other one is 443. */
  readonly port: number;
  /** 0x21 is PROXY, 0x20 is LOCAL. */
  readonly command?: number;
  /** 0x11 or 0x21 by the length of the addresses unless given. */
  readonly transport?: number;
  /** What follows the addresses. */
  readonly tlvs?: Buffer;
}

/** A header of version 2. */
export function v2(
  { from, to, port, command = 0x21, transport, tlvs }: V2,
): Buffer {
  const ports = from.length === 0 ? [] : [port >> 8, port & 255, 443 >> 8, 187];
  const body = Buffer.concat([
    Buffer.from([...from, ...to, ...ports]),
    tlvs ?? Buffer.alloc(0),
  ]);
  const head = Buffer.from("0d0a0d0a000d0a515549540a00000000", "hex");
  head[12] = command;
  head[13] = transport ?? (from.length === 16 ? 0x21 : 0x11);
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}
