import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { constants } from "node:os";
import { assemble, by, exit } from "../core/steer/instructions.ts";
import { steerProgram } from "../core/steer/program.ts";
import {
  clockUnits,
  loadIn,
  STEER_ROW_BYTES,
  type SteerTable,
  steerTable,
} from "../core/steer/table.ts";
import {
  attachProgram,
  createSockets,
  createTable,
  detachProgram,
  loadProgram,
  putInSocketMap,
} from "../libc/bpf.ts";
import {
  AF,
  checked,
  fixed,
  type Libc,
  mapShared,
  sizeOf,
  SO,
  SOCK,
} from "../libc/libc.ts";
import { libcHere } from "../libc/open.ts";
import { monotonic } from "../libc/clock.ts";
import { ipSockaddr, portOf } from "../libc/sockaddr.ts";
import { describe, test } from "./harness.ts";

const libc = libcHere();
const skip = libc === undefined ? "libc cannot be called here" : refusal(libc);

/** Why this process may not load a program. */
function refusal(libc: Libc): string | false {
  try {
    libc.close(createTable(libc, STEER_ROW_BYTES, 1));
    return false;
  } catch (error) {
    return `this process may not load eBPF: ${(error as Error).message}`;
  }
}

/** Shards that listen on one port of 127.0.0.1. */
class Shards implements Disposable {
  readonly sockets: number[] = [];
  port = 0;

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.#listen();
  }

  #listen(): void {
    const type = SOCK.stream | SOCK.nonblock | SOCK.cloexec;
    const socket = checked(libc!, libc!.socket(AF.inet, type, 0), "socket");
    this.sockets.push(socket);
    const on = fixed(4).fill(1, 0, 1);
    libc!.setsockopt(socket, SO.socket, SO.reusePort, on, 4);
    const address = ipSockaddr("127.0.0.1", this.port);
    checked(libc!, libc!.bind(socket, address, address.length), "bind");
    libc!.getsockname(socket, address, sizeOf(address));
    this.port = portOf(address);
    checked(libc!, libc!.listen(socket, 1024), "listen");
  }

  /** Connects so often at once; returns how many each shard has got. */
  async burst(count: number): Promise<number[]> {
    const clients: Socket[] = [];
    for (let i = 0; i < count; i++) {
      clients.push(connect(this.port, "127.0.0.1"));
    }
    await Promise.all(clients.map((client) => once(client, "connect")));
    const got = this.accept();
    for (const client of clients) client.destroy();
    return got;
  }

  /** Takes all that wait off the queues. */
  accept(): number[] {
    return this.sockets.map((socket) => {
      for (let count = 0;; count++) {
        const fd = libc!.accept4(socket, 0, 0, SOCK.cloexec);
        if (fd < 0) return count;
        libc!.close(fd);
      }
    });
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) libc!.close(socket);
  }
}

/** Shards that the program chooses among, all of which have an owner. */
class Steered extends Shards {
  readonly table: SteerTable;
  /** The map of the sockets. */
  readonly map: number;
  readonly #fds: readonly number[];

  constructor(count: number) {
    super(count);
    const table = createTable(libc!, STEER_ROW_BYTES, count);
    const sockets = this.map = createSockets(libc!, count);
    const code = steerProgram({ slots: count, table, sockets });
    const program = loadProgram(libc!, code);
    this.#fds = [table, sockets, program];
    this.table = steerTable(mapShared(libc!, table, count * STEER_ROW_BYTES));
    for (const [i, socket] of this.sockets.entries()) {
      putInSocketMap(libc!, sockets, i, socket);
      this.table.set(i, "owner", 1);
    }
    attachProgram(libc!, this.sockets[0]!, program);
  }

  /** What has come is over. */
  finish(): void {
    for (const i of this.sockets.keys()) {
      this.table.set(i, "finished", this.table.get(i, "assigned"));
    }
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    for (const fd of this.#fds) libc!.close(fd);
  }
}

describe("shards that the kernel chooses among", () => {
  test("get as many each, of what comes at once", { skip }, async () => {
    using shards = new Steered(8);
    assert.deepEqual(await shards.burst(200), Array(8).fill(25));
    assert.deepEqual(await shards.burst(4), [1, 1, 1, 1, 0, 0, 0, 0]);
    // Those that have had no turn for longest are next.
    shards.finish();
    assert.deepEqual(await shards.burst(4), [0, 0, 0, 0, 1, 1, 1, 1]);
  });

  test("take turns while nobody has any", { skip }, async () => {
    using shards = new Steered(3);
    const order: number[] = [];
    for (let i = 0; i < 9; i++) {
      order.push((await shards.burst(1)).indexOf(1));
      shards.finish();
    }
    assert.deepEqual(order, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
  });

  test(
    "get none while they are loaded, full or nobody's",
    { skip },
    async () => {
      using shards = new Steered(4);
      shards.table.set(0, "bias", 1000);
      shards.table.set(1, "full", 1);
      shards.table.set(2, "owner", 0);
      assert.deepEqual(await shards.burst(20), [0, 0, 0, 20]);
      assert.equal(loadIn(shards.table, 3), 20);
      shards.table.set(0, "bias", -1000);
      assert.deepEqual(await shards.burst(20), [20, 0, 0, 0]);
      // Where all are full those that wait wait with who holds least.
      for (const i of [0, 1, 3]) shards.table.set(i, "full", 1);
      shards.table.set(0, "bias", 1000);
      shards.table.set(3, "finished", shards.table.get(3, "assigned"));
      assert.deepEqual(await shards.burst(20), [0, 10, 0, 10]);
    },
  );

  test("get fewer where they are held up", { skip }, async () => {
    using shards = new Steered(3);
    const now = clockUnits(Number(monotonic(libc!)) / 1e6);
    shards.table.set(1, "begun", now - 1000);
    assert.deepEqual(await shards.burst(4), [2, 0, 2]);
    // Two fewer, however many come.
    assert.deepEqual(await shards.burst(20), [7, 7, 6]);
    // A clock that is ahead says nothing.
    shards.table.set(1, "begun", now + 100_000);
    assert.deepEqual(await shards.burst(3), [0, 2, 1]);
  });

  test("get what the hash says where none takes any", { skip }, async () => {
    using shards = new Steered(2);
    for (const i of [0, 1]) shards.table.set(i, "owner", 0);
    const got = await shards.burst(60);
    assert.equal(got[0]! + got[1]!, 60);
    assert.equal(got.includes(0), false);
    assert.equal(shards.table.get(0, "assigned"), 0);
  });

  test("are the hash's again without the program", { skip }, async () => {
    using shards = new Steered(2);
    shards.table.set(0, "full", 1);
    assert.deepEqual(await shards.burst(40), [0, 40]);
    detachProgram(libc!, shards.sockets[1]!);
    assert.equal((await shards.burst(60)).includes(0), false);
  });

  test("are chosen among by a second program at once", { skip }, async () => {
    using shards = new Steered(3);
    const table = createTable(libc!, STEER_ROW_BYTES, 3);
    const code = steerProgram({ slots: 3, table, sockets: shards.map });
    const program = loadProgram(libc!, code);
    steerTable(mapShared(libc!, table, 3 * STEER_ROW_BYTES)).set(1, "owner", 1);
    attachProgram(libc!, shards.sockets[2]!, program);
    assert.deepEqual(await shards.burst(20), [0, 20, 0]);
    for (const fd of [table, program]) libc!.close(fd);
  });

  test(
    "is loaded though signals come while the kernel looks at it",
    { skip },
    () => {
      /** libc whose bpf(2) is interrupted so often before it is let go on. */
      const interrupted = (times: number) => {
        let calls = 0;
        const hit = () => calls <= times;
        return Object.defineProperties(Object.create(libc!) as Libc, {
          syscall: {
            value: (...args: Parameters<Libc["syscall"]>) => {
              calls++;
              return hit() ? -1 : libc!.syscall(...args);
            },
          },
          errno: {
            value: () => hit() ? constants.errno.EAGAIN : libc!.errno(),
          },
        });
      };
      const code = assemble([by(0, "=", 1), exit()]);
      libc!.close(loadProgram(interrupted(7), code));
      assert.throws(
        () => loadProgram(interrupted(Infinity), code),
        /BPF_PROG_LOAD.*EAGAIN/,
      );
    },
  );

  test("the verifier's words are told", { skip }, () => {
    // What is in register 0 nobody knows.
    assert.throws(
      () => loadProgram(libc!, assemble([exit()])),
      /BPF_PROG_LOAD.*EACCES: .*R0 !read_ok/s,
    );
    assert.throws(
      () => loadProgram(libc!, assemble([by(0, "=", 1)])),
      /BPF_PROG_LOAD.*EINVAL/,
    );
  });

  test("have a place in a map that is large enough", { skip }, () => {
    using shards = new Shards(1);
    const sockets = createSockets(libc!, 1);
    putInSocketMap(libc!, sockets, 0, shards.sockets[0]!);
    assert.throws(
      () => putInSocketMap(libc!, sockets, 1, shards.sockets[0]!),
      (error) => (error as { code?: string }).code === "E2BIG",
    );
    libc!.close(sockets);
  });
});
