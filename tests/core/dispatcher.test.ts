import assert from "node:assert/strict";
import type { Balance } from "../../core/options/balance.ts";
import type { Dispatcher } from "../../core/handoff/dispatcher.ts";
import { describe, test } from "../harness.ts";
import { conn, dispatcher, type Worker, worker } from "./backends.ts";

/** A dispatcher with workers that have joined. */
function office(
  count: number,
  balance: Balance = "round-robin",
): { desk: Dispatcher; workers: Worker[] } {
  const desk = dispatcher(balance);
  const workers = Array.from({ length: count }, (_, slot) => worker(slot));
  for (const one of workers) desk.join(one);
  return { desk, workers };
}

const confirm = (desk: Dispatcher, taker: Worker): void =>
  desk.taken(taker, taker.got.at(-1)!.id);

describe("who gets the next connection", () => {
  test("round-robin: each in turn, and only who has confirmed", () => {
    const { desk, workers: [a, b] } = office(2);
    for (let i = 0; i < 3; i++) desk.offer("web", conn(i));
    assert.deepEqual([a!.got.length, b!.got.length, desk.waiting], [1, 1, 1]);
    confirm(desk, b!);
    assert.deepEqual([a!.got.length, b!.got.length, desk.waiting], [1, 2, 0]);
    assert.equal(b!.got[1]!.listener, "web");
  });

  test("least-connections: whoever holds fewest among the free", () => {
    const { desk, workers: [a, b, c] } = office(3, "least-connections");
    for (let i = 0; i < 3; i++) desk.offer("web", conn());
    for (const one of [a!, b!, c!]) confirm(desk, one);
    desk.closed(b!, 1);
    desk.offer("web", conn());
    assert.equal(b!.got.length, 2);
    confirm(desk, b!);
    assert.deepEqual([a!, b!, c!].map((one) => desk.holding(one)), [1, 1, 1]);
  });

  test("connections wait in order for the first worker", () => {
    const { desk } = office(0);
    for (let i = 0; i < 3; i++) desk.offer("web", conn(i));
    assert.equal(desk.waiting, 3);
    const late = worker();
    desk.join(late);
    confirm(desk, late);
    confirm(desk, late);
    assert.deepEqual(late.got.map(({ connection }) => connection.number), [
      ...[0, 1, 2],
    ]);
  });
});

describe("what is on its way", () => {
  test("is closed here when the worker has taken it, and only once", () => {
    const { desk, workers: [a] } = office(1);
    const one = conn();
    desk.offer("web", one);
    assert.equal(one.closed, 0);
    confirm(desk, a!);
    confirm(desk, a!);
    assert.equal(one.closed, 1);
  });

  test("goes to another when the worker dies, before what came later", () => {
    const { desk, workers: [a, b] } = office(2);
    for (let i = 0; i < 4; i++) desk.offer("web", conn(i));
    desk.lose(a!);
    assert.equal(desk.waiting, 3);
    confirm(desk, b!);
    assert.equal(b!.got.at(-1)!.connection.number, 0);
  });

  test("goes to another when the worker refuses it, who gets no more", () => {
    const { desk, workers: [a, b] } = office(2);
    desk.offer("web", conn(1));
    desk.refused(a!, a!.got[0]!.id);
    assert.equal(b!.got[0]!.connection.number, 1);
    confirm(desk, b!);
    for (let i = 0; i < 3; i++) {
      desk.offer("web", conn());
      confirm(desk, b!);
    }
    assert.equal(a!.got.length, 1);
  });

  test("that was refused goes before what came later", () => {
    const { desk, workers: [a, b] } = office(2);
    for (let i = 0; i < 4; i++) desk.offer("web", conn(i));
    desk.refused(a!, a!.got[0]!.id);
    for (let i = 0; i < 3; i++) confirm(desk, b!);
    assert.deepEqual(b!.got.map(({ connection }) => connection.number), [
      ...[1, 0, 2, 3],
    ]);
  });

  test("cannot be taken by somebody else", () => {
    const { desk, workers: [a, b] } = office(2);
    const one = conn();
    desk.offer("web", one);
    const { id } = a!.got[0]!;
    desk.taken(b!, id);
    desk.refused(b!, id);
    desk.taken(worker(), id);
    assert.equal(one.closed, 0);
    confirm(desk, a!);
    assert.equal(one.closed, 1);
  });
});

describe("a worker that leaves", () => {
  test("gets no more but may confirm what it has", () => {
    const { desk, workers: [a] } = office(1);
    const one = conn();
    desk.offer("web", one);
    desk.leave(a!);
    desk.offer("web", conn());
    confirm(desk, a!);
    assert.deepEqual([one.closed, a!.got.length, desk.waiting], [1, 1, 1]);
  });

  test("is passed over when it is gone before that was reported", () => {
    const { desk, workers: [a, b] } = office(2);
    a!.alive = false;
    desk.offer("web", conn());
    assert.deepEqual([a!.got.length, b!.got.length], [0, 1]);
  });
});

test("flush gives everything away at once, evenly", () => {
  const { desk, workers } = office(3);
  const all = Array.from({ length: 9 }, (_, i) => conn(i));
  for (const one of all) desk.offer("web", one);
  assert.equal(desk.waiting, 6);
  desk.flush();
  assert.deepEqual(workers.map(({ got }) => got.length), [3, 3, 3]);
  for (const one of workers) {
    for (const { id } of one.got) desk.taken(one, id);
  }
  assert.deepEqual(all.map(({ closed }) => closed), Array(9).fill(1));
});

test("after a flush a worker gets more only when all of it is confirmed", () => {
  const { desk, workers: [a] } = office(1);
  for (let i = 0; i < 3; i++) desk.offer("web", conn(i));
  desk.flush();
  desk.offer("web", conn(3));
  for (const { id } of a!.got.slice(0, 2)) desk.taken(a!, id);
  assert.equal(a!.got.length, 3);
  confirm(desk, a!);
  assert.equal(a!.got.length, 4);
});

test("flush without a worker keeps everything, and close closes it", () => {
  const { desk } = office(0);
  const one = conn();
  desk.offer("web", one);
  desk.flush();
  assert.deepEqual([desk.waiting, one.closed], [1, 0]);
  desk.close();
  assert.deepEqual([desk.waiting, one.closed], [0, 1]);
});

test("a worker never holds less than nothing", () => {
  const { desk, workers: [a] } = office(1);
  desk.closed(a!, 5);
  desk.closed(worker(), 5);
  assert.equal(desk.holding(a!), 0);
  assert.equal(desk.holding(worker()), 0);
});

describe("listeners that not every worker serves", () => {
  test("a worker gets connections of its own listeners only", () => {
    const desk = dispatcher("round-robin");
    const a = worker(0, ["web"]);
    const b = worker(1, ["web", "admin"]);
    desk.join(a);
    desk.join(b);
    desk.offer("admin", conn(1));
    desk.offer("admin", conn(2));
    desk.offer("web", conn(3));
    assert.deepEqual([a, b].map(({ got }) => got.map((g) => g.listener)), [
      ["web"],
      ["admin"],
    ]);
    confirm(desk, b);
    assert.deepEqual(b.got.map(({ connection }) => connection.number), [1, 2]);
  });

  test("what nobody serves waits and holds up nothing else", () => {
    const { desk, workers: [a] } = office(1);
    a!.listeners = new Set(["web"]);
    for (let i = 0; i < 3; i++) desk.offer("late", conn(i));
    desk.offer("web", conn(3));
    assert.deepEqual([a!.got.length, desk.waiting], [1, 3]);
    confirm(desk, a!);
    assert.equal(a!.got.length, 1);
    a!.listeners.add("late");
    desk.join(a!);
    for (let i = 0; i < 3; i++) confirm(desk, a!);
    assert.deepEqual(a!.got.map(({ connection }) => connection.number), [
      ...[3, 0, 1, 2],
    ]);
  });

  test("one that serves two has them in the order of arrival", () => {
    const { desk, workers: [a] } = office(1);
    ["x", "y", "y", "x", "y"].forEach((name, i) => desk.offer(name, conn(i)));
    for (let i = 0; i < 5; i++) confirm(desk, a!);
    assert.deepEqual(a!.got.map(({ connection }) => connection.number), [
      ...[0, 1, 2, 3, 4],
    ]);
  });

  test("flush gives to those who serve it", () => {
    const { desk, workers: [a, b] } = office(2);
    a!.listeners = new Set(["web"]);
    for (let i = 0; i < 4; i++) desk.offer("admin", conn(i));
    desk.flush();
    assert.deepEqual([a!.got.length, b!.got.length], [0, 4]);
  });
});

describe("sticky", () => {
  /** Which worker each client's connection went to. */
  const placed = (
    desk: Dispatcher,
    workers: readonly Worker[],
    clients: number,
  ): number[] =>
    Array.from({ length: clients }, (_, i) => {
      desk.offer("web", conn(i, `10.0.0.${i}`));
      const at = workers.findIndex(({ got }) =>
        got.at(-1)?.connection.number === i &&
        got.at(-1)?.connection.closed === 0
      );
      if (at >= 0) confirm(desk, workers[at]!);
      return at;
    });

  test("a client's connections go to one worker, and clients to all", () => {
    const { desk, workers } = office(4, "sticky");
    const first = placed(desk, workers, 40);
    assert.deepEqual(placed(desk, workers, 40), first);
    assert.deepEqual([...new Set(first)].sort(), [0, 1, 2, 3]);
  });

  test("a worker that dies moves its own clients, who then stay", () => {
    const { desk, workers } = office(4, "sticky");
    const before = placed(desk, workers, 40);
    desk.lose(workers[2]!);
    const without = placed(desk, workers, 40);
    for (const [i, at] of before.entries()) {
      if (at !== 2) assert.equal(without[i], at);
      else assert.notEqual(without[i], 2);
    }
    const heir = worker(2);
    desk.join(heir);
    const now = workers.with(2, heir);
    assert.deepEqual(placed(desk, now, 40), without);
    const more = placed(desk, now, 200).slice(40);
    assert.ok(more.includes(2), "clients that come now go there too");
  });

  test("a client that nobody knows any more goes by its slot again", () => {
    const { desk, workers } = office(4, "sticky");
    const before = placed(desk, workers, 40);
    const next = workers.map(({ slot }) => worker(slot));
    for (const one of next) desk.join(one);
    for (const one of workers) desk.lose(one);
    assert.deepEqual(placed(desk, next.toReversed(), 40), [
      ...before.map((at) => 3 - at),
    ]);
  });

  test("a worker more moves no client that is known", () => {
    const { desk, workers } = office(3, "sticky");
    const before = placed(desk, workers, 40);
    const more = worker(3);
    desk.join(more);
    assert.deepEqual(placed(desk, [...workers, more], 40), before);
  });

  test("while two workers share a slot, the newer one has new clients", () => {
    const { desk, workers: [old, other] } = office(2, "sticky");
    const before = placed(desk, [old!, other!], 20);
    const next = worker(0);
    desk.join(next);
    const overlap = placed(desk, [old!, other!, next], 60);
    assert.deepEqual(overlap.slice(0, 20), before);
    assert.deepEqual([...new Set(overlap.slice(20))].sort(), [1, 2]);
    desk.leave(old!);
    assert.deepEqual(
      placed(desk, [old!, other!, next], 60),
      overlap.map((at) => at === 0 ? 2 : at),
    );
  });

  test("waits for its own worker and holds up nobody else", () => {
    const { desk, workers } = office(3, "sticky");
    const at = placed(desk, workers, 20);
    const own = workers[at[0]!]!;
    desk.offer("web", conn(100, "10.0.0.0"));
    desk.offer("web", conn(101, "10.0.0.0"));
    const other = at.findIndex((each) => each !== at[0]);
    desk.offer("web", conn(102, `10.0.0.${other}`));
    assert.equal(workers[at[other]!]!.got.at(-1)!.connection.number, 102);
    assert.deepEqual([own.got.at(-1)!.connection.number, desk.waiting], [
      ...[100, 1],
    ]);
    confirm(desk, own);
    assert.equal(own.got.at(-1)!.connection.number, 101);
  });

  test("what waits for a worker that dies goes to one and the same", () => {
    const { desk, workers } = office(3, "sticky");
    const [at] = placed(desk, workers, 1);
    for (let i = 1; i <= 3; i++) desk.offer("web", conn(i, "10.0.0.0"));
    desk.lose(workers[at!]!);
    const heir = workers.find(({ got }) =>
      got.at(-1)?.connection.number === 1
    )!;
    confirm(desk, heir);
    confirm(desk, heir);
    assert.deepEqual(heir.got.slice(-3).map((g) => g.connection.number), [
      ...[1, 2, 3],
    ]);
  });

  test("clients without an address are dealt in turn", () => {
    const { desk, workers } = office(3, "sticky");
    for (let i = 0; i < 3; i++) desk.offer("web", conn(i));
    assert.deepEqual(workers.map(({ got }) => got.length), [1, 1, 1]);
  });

  test("an id goes to whoever said that it is its own, until it is gone", () => {
    const { desk, workers } = office(4, "sticky=query:sid");
    const come = (): Worker => {
      const one = conn();
      desk.offer("web", one);
      one.say("GET /?sid=abc HTTP/1.1\r\n");
      const at = workers.find(({ got }) => got.at(-1)?.connection === one)!;
      assert.equal(at.got.at(-1)!.head, "GET /?sid=abc HTTP/1.1\r\n");
      confirm(desk, at);
      return at;
    };
    const hashed = come();
    for (const one of workers) {
      desk.stick(one, "abc");
      assert.equal(come(), one);
    }
    const owner = workers.find((one) => one !== hashed)!;
    desk.stick(owner, "abc");
    desk.leave(owner);
    assert.equal(come(), hashed);
    desk.lose(owner);
    desk.stick(owner, "abc");
    assert.equal(come(), hashed);
  });

  test("flush gives a client's connections to its worker", () => {
    const { desk, workers } = office(3, "sticky");
    const [at] = placed(desk, workers, 1);
    for (let i = 0; i < 5; i++) desk.offer("web", conn(i, "10.0.0.0"));
    desk.flush();
    assert.equal(workers[at!]!.got.length, 6);
  });
});
