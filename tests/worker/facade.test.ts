import assert from "node:assert/strict";
import http from "node:http";
import { putFacade } from "../../worker/listening/facade.ts";
import { test } from "../harness.ts";
import { deferred } from "./bridge_server.ts";

test("a fed server looks like one that listens and can be closed", async () => {
  const server = http.createServer();
  const ended = deferred();
  const events: string[] = [];
  for (const event of ["listening", "close"]) {
    server.on(event, () => events.push(event));
  }
  let asked = 0;
  let gone = 0;
  const facade = putFacade(server, {
    fed: true,
    address: () => ({ address: "127.0.0.1", port: 80, family: "IPv4" }),
    close() {
      asked++;
      return ended.promise;
    },
    draining: () => asked > 0,
    closed: () => gone++,
  });
  facade.show();
  assert.equal(server.listening, true);
  assert.deepEqual(server.address(), {
    address: "127.0.0.1",
    port: 80,
    family: "IPv4",
  });
  const closed = new Promise<unknown>((resolve) => server.close(resolve));
  assert.equal(server.listening, false);
  assert.equal(asked, 1);
  assert.deepEqual(events, ["listening"]);
  const again = new Promise<Error & { code?: string } | undefined>(
    (resolve) => server.close(resolve),
  );
  assert.equal((await again)?.code, "ERR_SERVER_NOT_RUNNING");
  ended.resolve();
  assert.equal(await closed, undefined);
  assert.equal(asked, 1);
  assert.equal(gone, 1);
  assert.deepEqual(events, ["listening", "close"]);
  // Nothing is left of the facade: the server may listen again.
  assert.equal(server.listening, false);
  assert.equal(Object.hasOwn(server, "close"), false);
  assert.equal(Object.hasOwn(server, "address"), false);
});

test("a draining server keeps idle connections for their idle time", () => {
  const server = http.createServer();
  let wished = 0;
  Object.defineProperty(server, "closeIdleConnections", {
    value: () => wished++,
    configurable: true,
    writable: true,
  });
  let draining = false;
  putFacade(server, {
    fed: true,
    address: () => null,
    close: () => Promise.resolve(),
    draining: () => draining,
    closed() {},
  });
  server.closeIdleConnections();
  assert.equal(wished, 1);
  draining = true;
  server.closeIdleConnections();
  assert.equal(wished, 1);
});
