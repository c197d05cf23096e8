import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Command, fixture, prefork, ready, until } from "../command.ts";
import { one, renewed } from "../fixtures/certificates.ts";
import { test } from "../harness.ts";
import { patience } from "../pace.ts";
import { v1, v2 } from "../proxy_head.ts";
import { ownRuntime as runtime, type Runtime } from "../runtimes.ts";
import { askAll, askTls, bodyOf } from "../tls_client.ts";
import { type Client, connect } from "../worker/client.ts";

const LOOPBACK4 = [127, 0, 0, 1];
const LOOPBACK6 = [...Array<number>(15).fill(0), 1];
const CLIENT6 = [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 7];

/** Headers and the client that each of them names. */
const HEADERS: readonly {
  readonly head: Buffer;
  readonly client: readonly [string, number, string];
}[] = [
  {
    head: v1("TCP4 203.0.113.7 127.0.0.1 4711 443"),
    client: ["203.0.113.7", 4711, "IPv4"],
  },
  {
    head: v1("TCP6 2001:db8::7 ::1 4712 443"),
    client: ["2001:db8::7", 4712, "IPv6"],
  },
  {
    head: v2({ from: [203, 0, 113, 8], to: LOOPBACK4, port: 4713 }),
    client: ["203.0.113.8", 4713, "IPv4"],
  },
  {
    head: v2({ from: CLIENT6, to: LOOPBACK6, port: 4714 }),
    client: ["2001:db8::7", 4714, "IPv6"],
  },
];

const REQUESTS = [
  "GET /one HTTP/1.1\r\nHost: x\r\n\r\n",
  `POST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n${
    "x".repeat(70_000)
  }`,
].join("");

function pool(
  runtime: Runtime,
  kind: string,
  settings: string,
  address = "127.0.0.1:0",
  workers = 2,
): Command {
  const program = [fixture("gated.ts"), kind];
  const listen = ["-l", `${address}?${settings}`];
  return prefork(["-w", `${workers}`, "-r", runtime, ...listen, ...program]);
}

async function portOf(command: Command): Promise<number> {
  return Number(/\d+$/.exec((await ready(command))["listen"]!)![0]);
}

/** How many connections the only worker says that it has open. */
async function openIn(command: Command): Promise<number> {
  const from = command.lines.length;
  command.signal("SIGCONT");
  const status = /^prefork worker-status slot=0 .* connections=(\d+) /;
  return Number((await command.line(status, from))[1]);
}

/** The bodies of JSON in what a client received. */
function seenBy(client: Client): readonly Record<string, unknown>[] {
  return [...client.text().matchAll(/\{.*?\}/g)].map(([body]) =>
    JSON.parse(body)
  );
}

/** Sends one byte at a time, each in a packet of its own. */
async function drip(client: Client, bytes: Buffer): Promise<void> {
  for (let i = 0; i < bytes.length; i++) {
    client.send(bytes.subarray(i, i + 1));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

for (const share of ["balanced", "shared", "sharded", "handoff"]) {
  test(`${share}: servers see the client that the header names`, async () => {
    for (const kind of ["http", "serve", "net"]) {
      await using command = pool(runtime, kind, `proxy=any&share=${share}`);
      const port = await portOf(command);
      for (const [i, { head, client: expected }] of HEADERS.entries()) {
        const client = await connect(port);
        const text = kind === "net" ? "hello" : REQUESTS;
        if (i % 2 === 0) {
          client.send(Buffer.concat([head, Buffer.from(text)]));
        } else {
          await drip(client, head);
          client.send(text);
        }
        const end = kind === "net" ? /\}\nhello/ : /\{.*\}[^]*\{.*\}/;
        await client.until(end);
        const bodies = seenBy(client);
        assert.equal(bodies.length, kind === "net" ? 1 : 2);
        for (const body of bodies) {
          assert.equal(body["address"], expected[0], kind);
          assert.equal(body["port"], expected[1], kind);
          if (kind !== "serve") assert.equal(body["family"], expected[2]);
        }
        if (kind !== "net") assert.equal(bodies[1]!["bytes"], 70_000);
        client.close();
      }
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    }
  });
}

test("TLS begins behind the header, the listener's or the server's", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "prefork-proxy-"));
  try {
    writeFileSync(`${directory}/cert`, one.cert);
    writeFileSync(`${directory}/key`, one.key);
    const certificate = `cert=${directory}/cert&key=${directory}/key`;
    // https ends TLS itself, with a certificate of its own.
    for (const kind of ["http", "https"]) {
      const own = kind === "https";
      const settings = own ? "proxy=any" : `proxy=any&${certificate}`;
      await using command = pool(runtime, kind, settings);
      const address = (await ready(command))["listen"]!;
      const answers = await askAll(HEADERS.map(({ head }) => ({
        address,
        servername: "one.test",
        head: head.toString("hex"),
      })));
      for (const [i, answer] of answers.entries()) {
        const { client } = HEADERS[i]!;
        const body = bodyOf(answer);
        const { serialNumber } = new X509Certificate(
          own ? renewed.cert : one.cert,
        );
        assert.equal(answer.serial, serialNumber);
        assert.equal(body["encrypted"], true);
        assert.deepEqual(
          [body["address"], body["port"], body["family"]],
          client,
          kind,
        );
      }
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a balancer that speaks for itself is the client", async () => {
  await using command = pool(runtime, "http", "proxy=any");
  const port = await portOf(command);
  const from = { from: [203, 0, 113, 8], to: LOOPBACK4, port: 9 };
  for (const head of [v2({ ...from, command: 0x20 }), v1("UNKNOWN")]) {
    const client = await connect(port);
    client.send(head);
    client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.until(/\{.*\}/);
    assert.equal(seenBy(client)[0]!["address"], "127.0.0.1");
    client.close();
  }
});

test("who sends no header in time, or a wrong one, is cut off", async () => {
  await using command = pool(runtime, "net", "proxy=v1");
  const port = await portOf(command);
  const since = performance.now();
  const silent = await connect(port);
  const slow = await connect(port);
  slow.send("PROXY TCP4 ");
  const wrong = [
    "GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "PROXY TCP4 1.2.3.4 x 1 2\r\n",
    `PROXY UNKNOWN ${"x".repeat(200)}`,
    v2({ from: [1, 2, 3, 4], to: LOOPBACK4, port: 1 }),
  ];
  for (const bytes of wrong) {
    const client = await connect(port);
    client.send(bytes);
    await client.ended;
    assert.equal(client.text(), "");
  }
  // Long before a header's time is up.
  assert.ok(performance.now() - since < patience(4900));
  for (const client of [silent, slow]) {
    await client.ended;
    assert.equal(client.text(), "");
    assert.ok(performance.now() - since > 4500);
  }
  // The workers live on.
  const client = await connect(port);
  client.send(HEADERS[0]!.head);
  client.send("x");
  assert.match(await client.until(/\}\nx/), /203\.0\.113\.7/);
  client.close();
});

test("who is not trusted is cut off, a Unix socket's peer is", async () => {
  await using command = pool(
    runtime,
    "http",
    "proxy=any&trust=192.0.2.0/24,2001:db8::1",
  );
  const port = await portOf(command);
  const client = await connect(port);
  client.send(HEADERS[0]!.head);
  client.send(REQUESTS);
  await client.ended;
  assert.equal(client.text(), "");
  const directory = mkdtempSync(path.join(tmpdir(), "prefork-proxy-"));
  try {
    const address = `unix:${directory}/s`;
    await using over = pool(
      runtime,
      "http",
      "proxy=any&trust=192.0.2.0/24",
      address,
    );
    await ready(over);
    const head = HEADERS[2]!.head.toString("hex");
    const answer = await askTls({ address, plain: true, head });
    assert.equal(bodyOf(answer)["address"], "203.0.113.8");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a client that ends with its header leaves nothing behind", async () => {
  for (const kind of ["http", "net"]) {
    await using command = pool(runtime, kind, "proxy=any");
    const port = await portOf(command);
    for (const { head } of HEADERS) {
      const socket = net.connect({ port, host: "127.0.0.1" });
      socket.end(head);
      socket.resume();
      await once(socket, "close");
    }
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0, command.lines.join("\n"));
  }
});

test("a drain does not wait for a header that does not come", async () => {
  // One worker: none of them is on its way to another one when it begins.
  await using command = pool(runtime, "http", "proxy=any", undefined, 1);
  const port = await portOf(command);
  const silent = await connect(port);
  const late = await connect(port);
  late.send(HEADERS[0]!.head.subarray(0, 20));
  // What no worker has accepted by then is not answered at the end of a pool.
  await until(async () => await openIn(command) === 2, "both are accepted");
  const since = performance.now();
  command.signal("SIGTERM");
  // Idle for as long as a drain allows, so it has begun.
  await silent.ended;
  // Begun before the drain: it is answered, and told that it was the last.
  late.send(HEADERS[0]!.head.subarray(20));
  late.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  const text = await late.until(/\{.*\}/);
  assert.match(text, /^connection: close/im);
  assert.match(text, /203\.0\.113\.7/);
  assert.equal((await command.ended).code, 0, command.lines.join("\n"));
  assert.ok(performance.now() - since < patience(4500));
});
