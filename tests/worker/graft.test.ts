/** The steps of a graft, each of them gone wrong. */

import assert from "node:assert/strict";
import os from "node:os";
import { describe, test } from "../harness.ts";
import { graft, transportOf } from "../../worker/graft/graft.ts";
import {
  type FakeProcess,
  fakeProcess,
  type FakeSocket,
} from "./fake_kernel.ts";

const { errno } = os.constants;
const [UNIX, INET, INET6] = [1, 2, 10];
const [STREAM, DATAGRAM] = [1, 2];
const IN = 0x19;
const EDGE = 0x8000_0000;
const EXCLUSIVE = 0x1000_0000;
const DATA = 0xfedc_ba98_7654_3210n;
const PORT = 40_001;

interface Scene {
  readonly process: FakeProcess;
  readonly inherited: number;
  readonly own: number;
  readonly epoll: number;
  graft(): ReturnType<typeof graft>;
}

const tcp = (port: number, listens: boolean, domain = INET): FakeSocket => ({
  domain: domain!,
  type: STREAM!,
  at: { port },
  listens,
});

/** A server that listens on a temporary port, and an inherited socket. */
function scene(
  { events = IN, packed = true, from = tcp(80, false), own = tcp(PORT, true) }:
    {
      events?: number;
      packed?: boolean;
      from?: FakeSocket;
      own?: FakeSocket;
    } = {},
): Scene {
  const process = fakeProcess(packed);
  const inherited = process.socket(from);
  const epoll = process.epoll();
  const listener = process.socket(own);
  process.watch(epoll, process.socket(tcp(1, true)), IN, 1n);
  process.watch(epoll, listener, events, DATA);
  return {
    process,
    inherited,
    own: listener,
    epoll,
    graft: () => graft({ at: own.at }, inherited, 77, process.kernel),
  };
}

/** The watch of the server's descriptor. */
const watchOf = ({ process, epoll, own }: Scene): readonly unknown[] =>
  process.watched(epoll).filter(([fd]) => fd === own);

/** Nothing of the server was changed. */
function assertUntouched(it: Scene, watch: readonly unknown[]): void {
  assert.deepEqual(it.process.at(it.own)?.at, { port: PORT });
  assert.deepEqual(watchOf(it), watch);
}

const attachError = (reason: RegExp) => (error: unknown): true => {
  assert.equal((error as { code?: string }).code, "ERR_ATTACH");
  assert.match((error as Error).message, reason);
  assert.match((error as Error).message, /^Cannot put the server .*, use /);
  return true;
};

describe("graft", () => {
  for (const packed of [true, false]) {
    test(`the watch moves to the inherited socket, ${packed ? "packed" : "padded"} events`, () => {
      const it = scene({ packed });
      const before = it.process.watched(it.epoll).length;
      it.graft();
      assert.deepEqual(it.process.at(it.own)?.at, { port: 80 });
      assert.deepEqual(watchOf(it), [[it.own, IN | EXCLUSIVE, DATA]]);
      assert.equal(it.process.watched(it.epoll).length, before);
      assert.equal(it.process.at(it.inherited)?.backlog, 77);
      assert.ok(it.process.at(it.own)!.flags! & 0o4000, "O_NONBLOCK");
      assert.ok(it.process.cloexec(it.own), "FD_CLOEXEC");
    });
  }

  test("connections are deferred when the server's own were", () => {
    for (const defer of [0, 1]) {
      const it = scene({ own: { ...tcp(PORT, true), defer } });
      it.graft();
      assert.equal(it.process.at(it.inherited)?.defer ?? 0, defer);
    }
  });

  test("an edge-triggered watch stays as it is", () => {
    const events = (EDGE | 0x2000 | IN) >>> 0;
    const it = scene({ events });
    it.graft();
    assert.deepEqual(watchOf(it), [[it.own, events, DATA]]);
  });

  test("an epoll instance that is open twice counts once", () => {
    const it = scene();
    it.process.duplicate(it.epoll);
    it.graft();
    assert.equal(watchOf(it).length, 1);
  });

  test("an inherited socket of IPv6, and Unix sockets by path and name", () => {
    scene({ from: tcp(80, true, INET6) }).graft();
    for (const path of ["/t/s", "\0name"]) {
      const unix = (path: string, listens: boolean): FakeSocket => ({
        domain: UNIX!,
        type: STREAM!,
        at: { path },
        listens,
      });
      const it = scene({ from: unix("/pool", false), own: unix(path, true) });
      assert.equal(transportOf(it.inherited, it.process.kernel), "unix");
      it.graft();
      assert.deepEqual(it.process.at(it.own)?.at, { path: "/pool" });
    }
  });

  test("quiesce and resume, more than once", () => {
    const it = scene();
    const made = it.graft();
    for (let i = 0; i < 2; i++) {
      made.quiesce();
      made.quiesce();
      assert.ok(made.quiesced);
      assert.deepEqual(watchOf(it), []);
      made.resume();
      made.resume();
      assert.ok(!made.quiesced);
      assert.deepEqual(watchOf(it), [[it.own, IN | EXCLUSIVE, DATA]]);
    }
  });

  test("a descriptor that the server has closed is left alone", () => {
    const it = scene();
    const made = it.graft();
    it.process.close(it.own);
    it.process.fault("epoll_ctl", () => assert.fail("epoll_ctl was called"));
    made.quiesce();
    made.resume();
    assert.ok(made.quiesced);
  });
});

describe("a graft that goes wrong before the exchange", () => {
  const cases: Record<string, [(it: Scene) => void, RegExp]> = {
    "two watchers": [
      ({ process, own }) => process.watch(process.epoll(), own, IN, 2n),
      /2 epoll instances watch its own socket/,
    ],
    "a listening socket too many": [
      ({ process }) => void process.socket(tcp(PORT, true)),
      /2 sockets of this process listen/,
    ],
    "listen fails": [
      ({ process }) => process.fault("listen", () => -errno.EADDRINUSE),
      /listen failed: EADDRINUSE/,
    ],
    "fcntl fails": [
      ({ process }) => process.fault("fcntl", () => -errno.EBADF),
      /fcntl failed: EBADF/,
    ],
    "dup3 fails": [
      ({ process }) => process.fault("dup3", () => -errno.EMFILE),
      /dup3 failed: EMFILE/,
    ],
  };
  for (const [name, [prepare, reason]] of Object.entries(cases)) {
    test(name, () => {
      const it = scene();
      prepare(it);
      const watch = watchOf(it);
      assert.throws(it.graft, attachError(reason));
      assertUntouched(it, watch);
    });
  }

  test("no watcher", () => {
    const it = scene();
    it.process.close(it.epoll);
    assert.throws(it.graft, attachError(/0 epoll instances watch/));
    assert.deepEqual(it.process.at(it.own)?.at, { port: PORT });
  });

  test("no listening socket", () => {
    const it = scene({ own: tcp(PORT, false) });
    assert.throws(it.graft, attachError(/0 sockets of this process listen/));
  });

  test("sockets of different kinds", () => {
    const datagram = { ...tcp(80, false), type: DATAGRAM! };
    const unix = { ...tcp(80, false), domain: UNIX!, at: { path: "/pool" } };
    for (
      const [from, reason] of [
        [datagram, /has the type 2/],
        [unix, /of another kind \(2, 1\) than the inherited one \(1, 1\)/],
      ] as const
    ) {
      const it = scene({ from });
      const watch = watchOf(it);
      assert.throws(it.graft, attachError(reason));
      assertUntouched(it, watch);
    }
  });

  test("an inherited descriptor that is no socket, or not open", () => {
    const { process, epoll } = scene();
    for (
      const [fd, reason] of [[epoll, /eventpoll/], [99, /not open/]] as const
    ) {
      assert.throws(
        () => graft({ at: { port: PORT } }, fd, 1, process.kernel),
        attachError(reason),
      );
    }
  });
});

describe("a graft that goes wrong after the exchange accepts nowhere", () => {
  test("the watch cannot be added", () => {
    const it = scene();
    it.process.fault("epoll_ctl", () => -errno.ENOSPC);
    assert.throws(it.graft, attachError(/epoll_ctl failed: ENOSPC/));
    assert.deepEqual(watchOf(it), []);
  });

  test("somebody else has the temporary socket open", () => {
    const it = scene();
    it.process.share(it.own);
    assert.throws(it.graft, attachError(/still watches its temporary socket/));
    assert.deepEqual(it.process.at(it.own)?.at, { port: 80 });
  });

  test("the watch that was added is another one", () => {
    const it = scene();
    it.process.fault("epoll_ctl", (_epoll, operation, fd) => {
      if (operation === 1) it.process.watch(it.epoll, fd!, IN, 5n);
      return operation === 1 ? 0 : true;
    });
    assert.throws(it.graft, attachError(/watches another socket/));
    assert.deepEqual(watchOf(it), []);
  });

  test("the watch that was added is not there", () => {
    const it = scene();
    it.process.fault("epoll_ctl", () => 0);
    assert.throws(it.graft, attachError(/0 epoll instances watch/));
    assert.deepEqual(watchOf(it), []);
  });
});
