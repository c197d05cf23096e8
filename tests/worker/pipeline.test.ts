/** Which response of a connection is the last one, and says so. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { trackResponses } from "../../worker/drain/pipeline.ts";
import { describe, test } from "../harness.ts";

const PATIENCE = 30;

/** A response that keeps what it is told. */
function responseOf(): ServerResponse & { readonly said: Map<string, string> } {
  const said = new Map<string, string>();
  const response = {
    said,
    headersSent: false,
    writableEnded: false,
    setHeader: (name: string, value: string) => void said.set(name, value),
    removeHeader: (name: string) => void said.delete(name),
    writeHead: () => response,
  };
  return response as never;
}

/** A server with one connection; `ran` are the requests that were run. */
function scene() {
  const server = new EventEmitter();
  const socket = { bytesRead: 0 } as Socket;
  const ran: string[] = [];
  const responses = trackResponses(server as Server);
  server.on("request", ({ url }: IncomingMessage) => void ran.push(url!));
  return {
    responses,
    socket,
    ran,
    ask(url: string) {
      const response = responseOf();
      const request = { url, socket, httpVersionMajor: 1, resume: () => {} };
      server.emit("request", request, response);
      return response;
    },
  };
}

const CLOSE = new Map([["Connection", "close"]]);
const NOTHING = new Map();
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
/** Answers. */
const answer = (response: ServerResponse): void => {
  Object.assign(response, { headersSent: true, writableEnded: true });
};

describe("in a drain", () => {
  test("the last of those that came at once, before it or in it", async () => {
    const { ask, responses, socket, ran } = scene();
    const early = [ask("/1"), ask("/2")];
    responses.close([socket], PATIENCE);
    assert.deepEqual(early.map(({ said }) => said), [NOTHING, CLOSE]);
    const late = [ask("/3"), ask("/4")];
    assert.deepEqual(ran, ["/1", "/2"]);
    await turn();
    assert.deepEqual(ran, ["/1", "/2", "/3", "/4"]);
    const said = [...early, ...late].map(({ said }) => said);
    assert.deepEqual(said, [NOTHING, NOTHING, NOTHING, CLOSE]);
  });

  test("what comes behind a last one is not run", async () => {
    const { ask, responses, socket, ran } = scene();
    const last = ask("/1");
    responses.close([socket], PATIENCE);
    answer(last);
    ask("/2");
    await turn();
    assert.deepEqual(ran, ["/1"]);
  });

  test("it is over when the server listens again", () => {
    const { ask, responses, ran } = scene();
    responses.close([], PATIENCE);
    responses.open();
    assert.deepEqual(ask("/1").said, NOTHING);
    assert.deepEqual(ran, ["/1"]);
  });

  test("a client that never waits for its answers comes to an end", async () => {
    const { ask, responses, socket, ran } = scene();
    let before = ask("/");
    responses.close([socket], PATIENCE);
    const end = performance.now() + 10 * PATIENCE;
    let asked = 1;
    while (ran.length === asked && performance.now() < end) {
      const next = ask("/");
      asked++;
      answer(before);
      before = next;
      await turn();
    }
    assert.equal(ran.length, asked - 1);
  });
});
