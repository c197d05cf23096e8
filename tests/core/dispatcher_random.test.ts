/**
 * The dispatcher in a disorderly world.
 *
 * Runs once, under bun: the world is a seeded generator's, so that each engine
 * sees the same one.
 */
import assert from "node:assert/strict";
import type { Balance } from "../../core/options/balance.ts";
import { test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";
import {
  type Conn,
  conn,
  dispatcher,
  type Worker,
  worker,
} from "./backends.ts";

const WAYS = ["round-robin", "least-connections", "sticky"] as const;
const LISTENERS = ["web", "admin", "late"];

for (const balance of WAYS) {
  test(`no connection is lost or given twice, whatever happens, ${balance}`, () => {
    forSeeds(300, (random) => disorder(random, balance));
  });
}

/** Workers come, go, take and refuse at random; then everything ends. */
function disorder(random: Random, balance: Balance): void {
  const desk = dispatcher(balance);
  const workers = new Set<Worker>();
  const offered: Conn[] = [];
  const taken = new Set<Conn>();
  /** Given and neither confirmed nor refused, by worker. */
  const underway = new Map<Worker, Map<number, Conn>>();
  /** Which listener each came in at, and who has it. */
  const wanted = new Map<Conn, string>();
  const servers = new Map<Conn, Worker>();
  let most = 1;
  const check = (): void => {
    const seed = `seed ${random.seed} after ${offered.length} connections`;
    const held: Conn[] = [];
    for (const one of workers) {
      const mine = underway.get(one)!;
      for (const { id, connection } of one.got.splice(0)) {
        mine.set(id, connection);
        servers.set(connection, one);
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
    for (const one of held) {
      assert.ok(servers.get(one)!.serves(wanted.get(one)!), `${seed}: served`);
    }
    // In sticky a connection may wait for its own worker while others idle,
    // but not while all are.
    const waiting = offered.filter((one) =>
      !taken.has(one) && !held.includes(one)
    );
    for (const one of waiting) {
      const able = [...open].filter((each) => each.serves(wanted.get(one)!));
      const idle = able.filter((each) => underway.get(each)!.size === 0);
      const enough = balance === "sticky" ? Math.max(1, able.length) : 1;
      assert.ok(idle.length < enough, `${seed}: ${one.number} need not wait`);
    }
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
    stick: (one) => desk.stick(one, `10.0.0.${random.whole(0, 6)}`),
    serve(one) {
      one.listeners!.add(random.pick(LISTENERS));
      if (open.has(one)) desk.join(one);
    },
  };
  for (let turn = 0; turn < 200; turn++) {
    if (workers.size < 5 && random.chance(0.15)) {
      const served = LISTENERS.filter((name) =>
        name === "web" || random.chance(0.3)
      );
      const one = worker(random.whole(0, 3), served);
      workers.add(one);
      open.add(one);
      underway.set(one, new Map());
      desk.join(one);
    } else if (workers.size === 0 || random.chance(0.4)) {
      const one = conn(offered.length, `10.0.0.${random.whole(0, 6)}`);
      offered.push(one);
      wanted.set(one, random.pick(LISTENERS));
      desk.offer(wanted.get(one)!, one);
    } else {
      const what = random.chance(0.7) ? "taken" : random.pick(Object.keys(act));
      act[what]!(random.pick([...workers]));
    }
    check();
  }
  most = Infinity;
  desk.flush();
  check();
  if ([...open].some((one) => LISTENERS.every(one.serves))) {
    assert.equal(desk.waiting, 0, `seed ${random.seed}`);
  }
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
