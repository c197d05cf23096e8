/** What waits for all files on Deno, with a kernel of the test's own. */

import assert from "node:assert/strict";
import type { DenoLibc } from "../libc/deno.ts";
import { denoWaiter } from "../libc/deno_epoll.ts";
import { EPOLL_PACKED } from "../libc/epoll.ts";
import { describe, test } from "./harness.ts";

/** So many waits in a row are without end. */
const ENDLESS = 1000;

describe("a wait goes on", () => {
  const rows: readonly (readonly [string, number])[] = [
    ["where its own file is gone", -1],
    ["where it is told of a file that nobody waits for", 9],
  ];
  for (const [what, lasts] of rows) {
    test(what, async () => {
      let opened = 0;
      let calls = 0;
      const lasting = Promise.withResolvers<void>();
      const added: string[] = [];
      const closed: number[] = [];
      const told = (events: Uint8Array, fd: number): number => {
        const view = new DataView(events.buffer);
        view.setBigUint64(EPOLL_PACKED ? 4 : 8, BigInt(fd), true);
        return 1;
      };
      const libc = {
        socketpair: (_a: number, _b: number, _c: number, pair: Uint8Array) => {
          const view = new DataView(pair.buffer);
          view.setInt32(0, 100 + opened, true);
          view.setInt32(4, 200 + opened, true);
          return 0;
        },
        epoll_create1: () => 300 + opened++,
        epoll_ctl: (epoll: number, _operation: number, fd: number) => {
          added.push(`${epoll} ${fd}`);
          return 0;
        },
        close: (fd: number) => closed.push(fd),
        epollWaited: (epoll: number, events: Uint8Array) => {
          if (epoll !== 300) return Promise.resolve(told(events, 7));
          if (++calls === ENDLESS) lasting.reject(new Error("without end"));
          if (calls > ENDLESS) return new Promise<number>(() => {});
          return Promise.resolve(lasts < 0 ? -1 : told(events, lasts));
        },
      };
      const waiter = denoWaiter(libc as unknown as DenoLibc);
      const called = new Promise<void>((resolve) =>
        waiter.add(7, () => {
          waiter.remove(7);
          resolve();
        })
      );
      await Promise.race([called, lasting.promise]);
      assert.deepEqual(added.slice(0, 4), [
        ...["300 100", "300 7"],
        ...["301 101", "301 7"],
      ]);
      // The next turns of the loops that end.
      await new Promise((resolve) => setTimeout(resolve));
      const first = lasts < 0 ? [] : [200, 100, 300];
      assert.deepEqual(closed.sort(), [...first, 201, 101, 301].sort());
    });
  }

  test("at once after a signal, and where a file was removed meanwhile", async () => {
    const results = [-1, -1, 9, -1];
    let opened = 0;
    const libc = {
      socketpair: () => 0,
      epoll_create1: () => 300 + opened++,
      epoll_ctl: () => 0,
      close: () => 0,
      epollWaited: (_epoll: number, events: Uint8Array) => {
        const result = results.shift() ?? 7;
        const view = new DataView(events.buffer);
        view.setBigUint64(EPOLL_PACKED ? 4 : 8, BigInt(result), true);
        return Promise.resolve(result < 0 ? -1 : 1);
      },
    };
    const waiter = denoWaiter(libc as unknown as DenoLibc);
    await new Promise<void>((resolve) =>
      waiter.add(7, () => {
        waiter.remove(7);
        resolve();
      })
    );
    assert.equal(opened, 1);
  });
});
