import assert from "node:assert/strict";
import { type Balance, Dispatcher } from "../../core/dispatcher.ts";
import { test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";
import { type Conn, conn, type Worker, worker } from "./takers.ts";

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
