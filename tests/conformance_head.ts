/** Who a client is, before its connection is passed on. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import type { Adapter } from "../core/adapter.ts";
import type { Connection } from "../core/adapter/connection.ts";
import { handOver, open, taker } from "./conformance_handoff.ts";
import { ANY_PORT, target, temporaryDirectory } from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { RUNTIMES } from "./runtimes.ts";
import { within } from "./within.ts";

/** Adds the tests. */
export function addHeadTests(adapter: Adapter): void {
  for (const host of ["127.0.0.1", "::1"]) {
    test(`a client's address is known, on ${host}`, async () => {
      await using front = await open(adapter, { kind: "tcp", host, port: 0 });
      const localAddress = host === "::1" ? host : "127.0.0.9";
      const peers: (string | undefined)[] = [];
      for (let i = 0; i < 2; i++) {
        const client = connect({ ...target(front.address), localAddress });
        const connection = await front.next();
        peers.push(connection.peer);
        connection.close();
        client.destroy();
      }
      assert.equal(peers[0], peers[1], "without the port");
      if (host !== "::1") assert.equal(peers[0], localAddress);
      else assert.match(peers[0]!, /^[0:]*:1$/);
    });
  }

  test("a client of a Unix socket has no address", async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/s`;
    const address = { kind: "unix", path, abstract: false } as const;
    await using front = await open(adapter, address);
    const client = connect(target(address));
    const connection = await front.next();
    assert.equal(connection.peer, undefined);
    assert.equal(await head(connection, client, "abc", 3), "abc");
    connection.close();
    client.destroy();
  });

  for (const runtime of RUNTIMES) {
    test(`a worker on ${runtime} gets what was not read here`, async () => {
      await using child = await taker(adapter, runtime);
      await using front = await open(adapter, ANY_PORT);
      for (const [i, size] of [1, 4095, 4096, 4097, 12_345].entries()) {
        const client = connect(target(front.address));
        const answer = text(client);
        const connection = await front.next();
        const sent = "x".repeat(size);
        const got = await head(connection, client, `${sent}rest ${i}`, size);
        assert.equal(got, sent);
        await handOver(child, connection, i);
        const left = connection.peeks ? `${sent}rest ${i}` : `rest ${i}`;
        assert.equal(await answer, `${runtime} ${left}`);
      }
    });
  }

  test("what comes in pieces is read in order, and late", async () => {
    await using front = await open(adapter, ANY_PORT);
    const client = connect(target(front.address));
    const connection = await front.next();
    const words = ["one ", "two ", "three"];
    const read = head(connection, client, "", words.join("").length);
    for (const word of words) {
      client.write(word);
      // Longer than anybody looks for more without a pause.
      await new Promise((resume) => setTimeout(resume, 20));
    }
    assert.equal(await read, "one two three");
    connection.close();
    client.destroy();
  });

  test("nothing is read after it was stopped", async () => {
    await using front = await open(adapter, ANY_PORT);
    await using child = await taker(adapter, "node");
    const client = connect(target(front.address));
    const answer = text(client);
    const connection = await front.next();
    const read = (): void => assert.fail("something was read");
    connection.read(100, { bytes: read, end: read })[Symbol.dispose]();
    client.write("abc");
    await handOver(child, connection, 1);
    assert.equal(await answer, "node abc");
  });

  for (const broken of [false, true]) {
    const how = broken ? "breaks off" : "ends its half";
    test(`it is told when a client ${how}`, async () => {
      await using front = await open(adapter, ANY_PORT);
      const client = connect({ ...target(front.address), allowHalfOpen: true });
      // Deno ends a connection that it does not know of yet, instead of
      // resetting it.
      await once(client, "connect");
      const connection = await front.next();
      const ended = new Promise<[string, boolean]>((resolve) => {
        let got = "";
        connection.read(100, {
          bytes: (bytes) => got += Buffer.from(bytes).toString(),
          end: (broken) => resolve([got, broken]),
        });
      });
      if (broken) client.resetAndDestroy();
      else client.end("abc");
      assert.deepEqual(
        await within(ended, () => "the end"),
        broken ? ["", true] : ["abc", false],
      );
      connection.close();
      client.destroy();
    });
  }

  for (const broken of [false, true]) {
    const how = broken ? "breaks off" : "ends its half";
    test(`it is told when a client that was heard ${how}`, async () => {
      await using front = await open(adapter, ANY_PORT);
      const client = connect({ ...target(front.address), allowHalfOpen: true });
      const connection = await front.next();
      const ended = new Promise<[string, boolean]>((resolve) => {
        let got = "";
        connection.read(100, {
          bytes(bytes) {
            got += Buffer.from(bytes).toString();
            if (broken) client.resetAndDestroy();
            else client.end();
          },
          end: (broken) => resolve([got, broken]),
        });
      });
      client.write("abc");
      assert.deepEqual(
        await within(ended, () => "the end"),
        ["abc", broken],
      );
      connection.close();
      client.destroy();
    });
  }
}

function connect(options: net.NetConnectOpts): net.Socket {
  return net.connect(options).on("error", () => undefined);
}

/** All that a client receives. */
function text(client: net.Socket): Promise<string> {
  let got = "";
  return new Promise((resolve) => {
    client.on("data", (bytes) => got += String(bytes));
    client.on("close", () => resolve(got));
  });
}

/** Has a client send something, and reads so many bytes of it. */
function head(
  connection: Connection,
  client: net.Socket,
  sent: string,
  limit: number,
): Promise<string> {
  const read = new Promise<string>((resolve) => {
    let got = "";
    const reading = connection.read(limit, {
      bytes(bytes) {
        got += Buffer.from(bytes).toString();
        if (got.length < limit) return;
        reading[Symbol.dispose]();
        resolve(got);
      },
      end: () => resolve(`${got} and an end`),
    });
  });
  if (sent !== "") client.write(sent);
  return within(read, () => `${limit} bytes`);
}
