/**
 * Reads eBPF back into words, as bpftool(8) writes them, by the kernel's numbers
 * alone: it knows nothing of what has made the bytes.
 */

const SIZES = ["u32", "u16", "u8", "u64"] as const;

const JUMPS: Readonly<Record<number, string>> = {
  0x1: "==",
  0x2: ">",
  0x3: ">=",
  0x5: "!=",
  0x6: "s>",
  0xa: "<",
  0xc: "s<",
};

const OPERATIONS: Readonly<Record<number, string>> = {
  0x0: "+=",
  0x1: "-=",
  0x2: "*=",
  0x5: "&=",
  0x6: "<<=",
  0xb: "=",
  0xc: "s>>=",
};

/** One line for each instruction of eBPF, with the number of each before it. */
export function disassemble(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const lines: string[] = [];
  for (let i = 0; i * 8 < bytes.length; i++) {
    const code = view.getUint8(i * 8);
    const registers = view.getUint8(i * 8 + 1);
    const offset = view.getInt16(i * 8 + 2, true);
    const value = view.getInt32(i * 8 + 4, true);
    const to = `r${registers & 15}`;
    const from = `r${registers >> 4}`;
    const place = `${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`;
    const operand = (code & 0x08) !== 0 ? from : String(value);
    const size = SIZES[code >> 3 & 3]!;
    const kind = code & 0x07;
    let line: string | undefined;
    if (code === 0x18) {
      if (registers >> 4 === 1) line = `${to} = map ${value}`;
      // The other half of the number.
      i++;
    } else if (kind === 0x1) line = `${to} = *(${size} *)(${from} ${place})`;
    else if (kind === 0x2) line = `*(${size} *)(${to} ${place}) = ${value}`;
    else if (code === 0xdb) line = `lock *(u64 *)(${to} ${place}) += ${from}`;
    else if (kind === 0x3) line = `*(${size} *)(${to} ${place}) = ${from}`;
    else if (code === 0x85) line = `call ${value}`;
    else if (code === 0x95) line = "exit";
    else if (code === 0x05) line = `goto ${i + 1 + offset}`;
    else if (kind === 0x5 && JUMPS[code >> 4] !== undefined) {
      line = `if ${to} ${JUMPS[code >> 4]} ${operand} goto ${i + 1 + offset}`;
    } else if (kind === 0x7 && OPERATIONS[code >> 4] !== undefined) {
      line = `${to} ${OPERATIONS[code >> 4]} ${operand}`;
    }
    const number = code === 0x18 ? i - 1 : i;
    lines.push(`${number}: ${line ?? `unknown 0x${code.toString(16)}`}`);
  }
  return lines;
}
