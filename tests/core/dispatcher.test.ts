import assert from "node:assert/strict";
import { type Balance, Dispatcher, type Taker } from "../../core/dispatcher.ts";
import { describe, test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";

/** A worker that remembers what it was given. */
interface Worker extends Taker {
  readonly got: { id: number; listener: string; connection: Conn }[];
  alive: boolean;
}

interface Conn {
  readonly number: number;
  closed: number;
  close(): void;
}

function worker(): Worker {
  const made: Worker = {
    got: [],
    alive: true,
    give(listener, id, connection) {
      if (made.alive) {
        made.got.push({ id, listener, connection: connection as Conn });
      }
      return made.alive;
    },
  };
  return made;
}

function conn(number = 0): Conn {
  const made: Conn = { number, closed: 0, close: () => void made.closed++ };
  return made;
}

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

for (const balance of ["round-robin", "least-connections"] as const) {
  test(`no connection is lost or given twice, whatever happens, ${balance}`, () => {
    forSeeds(300, (random) => disorder(random, balance));
  });
}

/** Workers come, go, take and refuse at random; then everything ends. */
function disorder(random: Random, balance: Balance): void {
  const desk = new Dispatcher(balance);
  const workers = new Set<Worker>();
  const offered: Conn[] = [];
  const taken = new Set<Conn>();
  /** Given and neither confirmed nor refused, by worker. */
  const underway = new Map<Worker, Map<number, Conn>>();
  let most = 1;
  const check = (): void => {
    const seed = `seed ${random.seed} after ${offered.length} connections`;
    const held: Conn[] = [];
    for (const one of workers) {
      const mine = underway.get(one)!;
      for (const { id, connection } of one.got.splice(0)) {
        mine.set(id, connection);
      }
      assert.ok(mine.size <= most, `${seed}: more than one unconfirmed`);
      held.push(...mine.values());
    }
    assert.equal(new Set(held).size, held.length, `${seed}: given twice`);
    for (const one of held) assert.equal(one.closed, 0, `${seed}: closed`);
    for (const one of taken) assert.equal(one.closed, 1, `${seed}: not closed`);
    assert.equal(
      held.length + taken.size + desk.waiting,
      offered.length,
      `${seed}: lost`,
    );
    const idle = [...workers].some((one) =>
      open.has(one) && underway.get(one)!.size === 0
    );
    assert.ok(!idle || desk.waiting === 0, `${seed}: waits for a free worker`);
  };
  const open = new Set<Worker>();
  const end = (one: Worker): void => {
    open.delete(one);
    workers.delete(one);
    desk.lose(one);
  };
  const act: Readonly<Record<string, (one: Worker) => void>> = {
    taken(one) {
      for (const [id, connection] of underway.get(one)!) {
        underway.get(one)!.delete(id);
        taken.add(connection);
        desk.taken(one, id);
        return;
      }
    },
    refused(one) {
      for (const id of underway.get(one)!.keys()) {
        underway.get(one)!.delete(id);
        open.delete(one);
        desk.refused(one, id);
        return;
      }
    },
    leave(one) {
      open.delete(one);
      desk.leave(one);
    },
    lose: end,
    closed: (one) => desk.closed(one, random.whole(0, 3)),
  };
  for (let turn = 0; turn < 200; turn++) {
    if (workers.size < 5 && random.chance(0.15)) {
      const one = worker();
      workers.add(one);
      open.add(one);
      underway.set(one, new Map());
      desk.join(one);
    } else if (workers.size === 0 || random.chance(0.4)) {
      const one = conn(offered.length);
      offered.push(one);
      desk.offer("web", one);
    } else {
      const what = random.chance(0.7) ? "taken" : random.pick(Object.keys(act));
      act[what]!(random.pick([...workers]));
    }
    check();
  }
  most = Infinity;
  desk.flush();
  check();
  if (open.size > 0) assert.equal(desk.waiting, 0, `seed ${random.seed}`);
  for (const one of [...workers]) {
    while (random.chance(0.8) && underway.get(one)!.size > 0) {
      act["taken"]!(one);
    }
  }
  for (const one of [...workers]) end(one);
  desk.close();
  for (const { closed, number } of offered) {
    assert.equal(closed, 1, `seed ${random.seed}: connection ${number}`);
  }
}
