import assert from "node:assert/strict";
import http from "node:http";
import { showListening } from "../../worker/_face.ts";
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
  showListening(server, {
    address: () => ({ address: "127.0.0.1", port: 80, family: "IPv4" }),
    close() {
      asked++;
      return ended.promise;
    },
  });
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
  ended.resolve();
  assert.equal(await closed, undefined);
  const error = await new Promise<Error & { code?: string } | undefined>(
    (resolve) => server.close(resolve),
  );
  assert.equal(error?.code, "ERR_SERVER_NOT_RUNNING");
  assert.equal(asked, 1);
  assert.deepEqual(events, ["listening", "close"]);
});
