/** Clients that are tied to their worker: real pools, real connections. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  type Command,
  fixture,
  LOCAL,
  prefork,
  ready,
  until,
} from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { target } from "../http.ts";
import { v1, v2 } from "../proxy_head.ts";
import { RUNTIMES } from "../runtimes.ts";
import { within } from "../within.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-sticky-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What `fixtures/sticky.ts` says of a request. */
interface Answer {
  readonly slot: number;
  readonly generation: number;
  readonly pid: number;
  readonly method: string;
  readonly url: string;
  readonly cookie: number;
  readonly length: number;
  readonly stuck: boolean | string;
}

interface Asked {
  readonly path?: string;
  readonly cookie?: string;
  readonly localAddress?: string;
  readonly body?: string;
}

/** Asks on a connection of its own. */
function ask(address: string, asked: Asked = {}): Promise<Answer> {
  const { path = "/", cookie, localAddress, body } = asked;
  return new Promise((resolve, reject) => {
    const asking = request({
      ...target(address),
      path,
      agent: false,
      method: body === undefined ? "GET" : "POST",
      headers: cookie === undefined ? {} : { cookie },
      ...(localAddress !== undefined && { localAddress }),
    }, (response) => {
      let text = "";
      response.on("data", (chunk) => text += String(chunk));
      response.on("end", () => resolve(JSON.parse(text)));
      response.on("error", reject);
    });
    asking.on("error", reject).end(body);
  });
}

/** Sends text in pieces, each on its way before the next, and reads all. */
async function inPieces(
  address: string,
  pieces: readonly string[],
): Promise<string> {
  const { host, port } = target(address);
  const socket = net.connect({ host: host!, port: Number(port) });
  socket.setNoDelay(true);
  let got = "";
  const closed = new Promise((resolve, reject) =>
    socket.on("data", (bytes) => got += String(bytes))
      .on("error", reject).on("close", resolve)
  );
  for (const piece of pieces) {
    await new Promise<unknown>((resolve) =>
      socket.write(piece, "latin1", resolve)
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await within(closed, () => "the end of the answer");
  return got;
}

/** Ways to be recognized; `who` is a client's number. */
const TIES: Readonly<Record<string, (who: number) => Asked>> = {
  "sticky": (who) => ({ localAddress: `127.0.0.${who + 10}` }),
  "sticky=cookie:sid": (who) => ({ cookie: `a=b; sid=client-${who}` }),
  "sticky=query:sid": (who) => ({ path: `/x?a=b&sid=client-${who}` }),
};

const CLIENTS = 12;

function pool(
  balance: string,
  ...more: readonly string[]
): Command {
  const listen = more.includes("-l") ? [] : LOCAL;
  return prefork([
    ...["-w", "3", "-s", "handoff", "--balance", balance, "--soak", "0"],
    ...listen,
    ...more,
    fixture("sticky.ts"),
  ]);
}

/** Where each client ends up. */
async function places(
  address: string,
  tie: (who: number) => Asked,
): Promise<Answer[]> {
  return await Promise.all(
    Array.from({ length: CLIENTS }, (_, who) => ask(address, tie(who))),
  );
}

const slots = (answers: readonly Answer[]): number[] =>
  answers.map(({ slot }) => slot);

for (const runtime of RUNTIMES) {
  describe(`workers on ${runtime}`, () => {
    const pools = new Map<string, Command>();
    /** The address of the pool with such clients, which tests share. */
    const addressOf = async (balance: string): Promise<string> => {
      const command = pools.get(balance) ?? pool(balance, "-r", runtime);
      pools.set(balance, command);
      return (await ready(command))["listen"]!;
    };
    afterAll(async () => {
      for (const command of pools.values()) command.signal("SIGTERM");
      for (const command of pools.values()) {
        assert.equal((await command.ended).code, 0, command.lines.join("\n"));
      }
    });

    for (const [balance, tie] of Object.entries(TIES)) {
      test(`${balance}: a client stays where it is`, async () => {
        const address = await addressOf(balance);
        const first = await places(address, tie);
        for (let i = 0; i < 3; i++) {
          assert.deepEqual(slots(await places(address, tie)), slots(first));
        }
        assert.ok(new Set(slots(first)).size > 1, "clients are spread");
      });
    }

    test("a request that was read on its way arrives whole", async () => {
      const address = await addressOf("sticky=cookie:sid");
      const cookie = `sid=${"x".repeat(12_000)}`;
      const body = "y".repeat(300_000);
      const asked = { path: "/up?load", cookie, body };
      const { method, url, ...seen } = await ask(address, asked);
      assert.deepEqual([method, url, seen.cookie, seen.length], [
        ...["POST", "/up?load", cookie.length, body.length],
      ]);
      const head = "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
        "Cookie: sid=slow\r\n\r\n";
      const pieces = Array.from(
        { length: Math.ceil(head.length / 9) },
        (_, i) => head.slice(9 * i, 9 * i + 9),
      );
      const answer = await inPieces(address, pieces);
      assert.match(answer, /"method":"GET","url":"\/slow","cookie":8/);
      // Two requests at once, of which the second was read here too.
      const twice = await inPieces(address, [
        "GET /one HTTP/1.1\r\nHost: x\r\n\r\n" +
        head.replace("/slow", "/two"),
      ]);
      assert.match(twice, /"url":"\/one"[^]*"url":"\/two"/);
    });

    test("an id that a worker claims is its own", async () => {
      const address = await addressOf("sticky=query:sid");
      for (let i = 0; i < 6; i++) {
        const path = `/login?as=user${i}`;
        const { pid, stuck } = await ask(address, { path });
        assert.equal(stuck, true);
        for (let k = 0; k < 3; k++) {
          const again = await ask(address, { path: `/?sid=user${i}` });
          assert.equal(again.pid, pid);
        }
      }
    });
  });
}

/** What the clients of a load balancer send first, by their number. */
const HEADERS = {
  v1: (who: number) => v1(`TCP4 192.0.2.${who} 127.0.0.1 4711 80`),
  v2: (who: number) =>
    v2({ from: [192, 0, 2, who], to: [127, 0, 0, 1], port: 4711 }),
};

for (const balance of ["sticky", "sticky=cookie:sid"]) {
  test(`${balance}: clients behind a load balancer are told apart`, async () => {
    const listen = "127.0.0.1:0?proxy=any";
    const runtimes = ["-r", "node=1,deno=1,bun=1"];
    await using command = pool(balance, "-l", listen, ...runtimes);
    const { listen: address } = await ready(command);
    const at = async (who: number, header: Uint8Array): Promise<string> => {
      const answer = await inPieces(address!, [
        String.fromCharCode(...header),
        `GET / HTTP/1.1\r\nHost: x\r\nCookie: sid=client-${who}\r\n` +
        "Connection: close\r\n\r\n",
      ]);
      return /"slot":(\d)/.exec(answer)![1]!;
    };
    const slots = new Set<string>();
    for (let who = 0; who < 8; who++) {
      const [first, ...others] = [
        await at(who, HEADERS.v1(who)),
        await at(who, HEADERS.v2(who)),
        await at(who, HEADERS.v1(who)),
      ];
      for (const other of others) assert.equal(other, first);
      slots.add(first!);
    }
    assert.ok(slots.size > 1, "clients are spread");
  });
}

test("an id has 1 to 256 characters", async () => {
  await using command = pool("sticky=query:sid");
  const { listen: address } = await ready(command);
  const stuck = async (id: string): Promise<boolean | string> =>
    (await ask(address!, { path: `/login?as=${id}` })).stuck;
  assert.equal(await stuck("x".repeat(256)), true);
  for (const id of ["", "x".repeat(257)]) {
    assert.equal(
      await stuck(id),
      `RangeError: Cannot stick to the id: it has ${id.length} characters and may have 1 to 256, pass a hash of it to the client instead`,
    );
  }
});

test("clients that send nothing hold up nobody, nor the end", async () => {
  await using command = pool("sticky=cookie:sid");
  const { listen: address } = await ready(command);
  const { host, port } = target(address!);
  const silent = await Promise.all(
    Array.from(
      { length: 30 },
      () =>
        new Promise<net.Socket>((resolve, reject) => {
          const socket = net.connect({ host: host!, port: Number(port) });
          socket.on("connect", () => resolve(socket)).on("error", reject);
        }),
    ),
  );
  try {
    const tie = TIES["sticky=cookie:sid"]!;
    const first = await places(address!, tie);
    assert.deepEqual(slots(await places(address!, tie)), slots(first));
    const ends = silent.map((socket) =>
      new Promise((resolve) => socket.resume().once("close", resolve))
    );
    command.signal("SIGTERM");
    await within(Promise.all(ends), () => "the silent clients' end");
    assert.equal((await command.ended).code, 0, command.lines.join("\n"));
  } finally {
    for (const socket of silent) socket.destroy();
  }
});

test("a reload leaves clients in their slots", async () => {
  await using command = pool("sticky");
  const { listen: address } = await ready(command);
  const before = await places(address!, TIES["sticky"]!);
  const from = command.lines.length;
  command.signal("SIGHUP");
  await command.line(/^prefork reload-finished /, from);
  const after = await places(address!, TIES["sticky"]!);
  assert.deepEqual(slots(after), slots(before));
  assert.ok(after.every(({ generation }) => generation === 2));
});

test("a killed worker moves its own clients only, who then stay", async () => {
  await using command = pool("sticky");
  const { listen: address } = await ready(command);
  const before = await places(address!, TIES["sticky"]!);
  const { slot, pid } = before[0]!;
  const from = command.lines.length;
  process.kill(pid, "SIGKILL");
  await command.line(/^prefork worker-exited /, from);
  const without = await places(address!, TIES["sticky"]!);
  for (const [who, answer] of before.entries()) {
    if (answer.slot === slot) assert.notEqual(without[who]!.pid, pid);
    else assert.equal(without[who]!.pid, answer.pid);
  }
  await command.line(/^prefork worker-ready .*generation=1/, from);
  const back = await places(address!, TIES["sticky"]!);
  assert.deepEqual(back.map((one) => one.pid), without.map((one) => one.pid));
});

test("on a Unix socket a cookie ties and an address does not", async () => {
  const listen = `unix:${dir}/s`;
  for (const balance of ["sticky", "sticky=cookie:sid"]) {
    await using command = pool(balance, "-l", listen);
    await ready(command);
    const seen = new Set<number>();
    const more = async () =>
      seen.add((await ask(listen, { cookie: "sid=one" })).slot).size;
    for (let i = 0; i < 12; i++) await more();
    // Not after so many: a busy machine may leave one worker out for longer.
    if (balance === "sticky") {
      await until(async () => await more() === 3, "each worker answers");
    } else assert.equal(seen.size, 1);
    command.signal("SIGTERM");
    await command.ended;
  }
});
