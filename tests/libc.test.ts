import assert from "node:assert/strict";
import process from "node:process";
import { openDatagrams } from "../libc/dgram.ts";
import { AF, errorName, F, fixed, type Libc, SOCK } from "../libc/libc.ts";
import { libcHere, openLibc } from "../libc/open.ts";
import { openProc } from "../libc/proc.ts";
import { ipSockaddr } from "../libc/sockaddr.ts";
import { type FunctionName, FUNCTIONS, type Signature } from "../libc/table.ts";
import { describe, test } from "./harness.ts";

const libc = libcHere();
const skip = libc === undefined ? "libc cannot be called here" : false;

/** What begins with another number; to waitpid(2) -1 is every child. */
const NO_DESCRIPTOR = new Set(["socket", "socketpair", "waitpid"]);

describe("libc", () => {
  test("is opened once", { skip }, () => {
    assert.equal(openLibc(), libc);
  });

  const table: [string, Signature][] = Object.entries(FUNCTIONS);
  for (const [name, { takes, gives }] of table) {
    // What begins with a descriptor says that there is none of that number.
    if (takes[0] !== "int" || NO_DESCRIPTOR.has(name)) continue;
    test(`${name} takes what the table says`, { skip }, () => {
      const call = libc![name as FunctionName] as (...a: unknown[]) => number;
      const args = takes.map((type) => type === "buffer" ? fixed(128) : 0);
      const result = call(-1, ...args.slice(1));
      assert.equal(typeof result, "number", gives);
      assert.equal(result, -1);
      assert.match(errorName(libc!.errno()), /^(?:EBADF|EINVAL|ENOENT)$/);
    });
  }

  test("waitpid takes what the table says", { skip }, () => {
    const WNOHANG = 1;
    assert.equal(libc!.waitpid(process.pid, 0, WNOHANG), -1);
    assert.equal(errorName(libc!.errno()), "ECHILD");
  });

  test("numbers of 64 bits come and go whole", { skip }, () => {
    const fd = libc!.memfd_create(new TextEncoder().encode("x\0"), F.cloexec);
    const far = 2 ** 40;
    const bytes = fixed(3).fill(7);
    assert.equal(libc!.pwrite(fd, bytes, 3, far), 3);
    const read = fixed(10);
    assert.equal(libc!.pread(fd, read, 10, far + 1), 2);
    assert.deepEqual([...read.subarray(0, 3)], [7, 7, 0]);
    assert.equal(libc!.close(fd), 0);
    assert.equal(libc!.close(fd), -1);
    assert.equal(errorName(libc!.errno()), "EBADF");
  });

  test("a socket of datagrams is asked for its family once", { skip }, () => {
    let asked = 0;
    const counting: Libc = Object.create(libc!, {
      getsockopt: {
        value: (...args: Parameters<Libc["getsockopt"]>) => {
          asked++;
          return libc!.getsockopt(...args);
        },
      },
    });
    const fd = libc!.socket(AF.inet, SOCK.dgram | SOCK.cloexec, 0);
    const any = ipSockaddr("127.0.0.1", 0);
    assert.equal(libc!.bind(fd, any, any.length), 0);
    const datagrams = openDatagrams(counting);
    const at = datagrams.address(fd);
    assert.ok(typeof at === "object");
    const send = datagrams.sender(fd);
    for (const text of ["a", "bc", "def"]) {
      const parts = [...text].map((letter) => new TextEncoder().encode(letter));
      assert.equal(send(parts, at), text.length);
      const { bytes, from } = datagrams.receive(fd)!;
      assert.equal(new TextDecoder().decode(bytes), text);
      assert.deepEqual(from, at);
    }
    assert.equal(asked, 1);
    libc!.close(fd);
  });

  test("proc(5) tells of this process", { skip }, () => {
    const proc = openProc(libc!);
    const files = proc.list("/proc/self/fd");
    assert.ok(files.includes("0") && files.includes("2"));
    assert.match(proc.read("/proc/self/status")!, /^Name:/);
    assert.equal(proc.link("/proc/self/fd/99999"), undefined);
    assert.equal(proc.read("/proc/self/fdinfo/99999"), undefined);
    assert.equal(proc.link("/proc/self"), String(process.pid));
  });
});
