import assert from "node:assert/strict";
import { type Balance, Dispatcher } from "../../core/dispatcher.ts";
import { describe, test } from "../harness.ts";
import { conn, type Worker, worker } from "./takers.ts";

/** A dispatcher with workers that have joined. */
function office(
  count: number,
  balance: Balance = "round-robin",
): { desk: Dispatcher; workers: Worker[] } {
  const desk = new Dispatcher(balance);
  const workers = Array.from({ length: count }, worker);
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
