import assert from "node:assert/strict";
import { patience } from "../pace.ts";
import { io, type Socket } from "socket.io-client";
import { testWorker } from "./test_worker.ts";
import { drainMessage, type FakeWorker } from "./fake_supervisor.ts";
import { within } from "../within.ts";

/** The next event of a client, or a failure after a while. */
function next(client: Socket, event: string): Promise<unknown> {
  return within(
    new Promise((resolve) => client.once(event, resolve)),
    () => `"${event}" of the client`,
  );
}

async function ask(client: Socket, value: string): Promise<string> {
  return await client.timeout(10_000).emitWithAck("ask", value);
}

for (const transport of ["polling", "websocket"]) {
  testWorker(
    `a client of socket.io by ${transport} goes to the next worker at once`,
    async (runtime, supervisor) => {
      const { index, port } = await supervisor.bind();
      const spawn = async (): Promise<FakeWorker> => {
        const worker = await supervisor.spawn({
          runtime,
          program: ["stay_program.ts", "io"],
          listeners: [{ name: "web", port, sockets: [index] }],
        });
        await worker.until({ type: "ready" });
        return worker;
      };
      const old = await spawn();
      const client = io(`http://127.0.0.1:${port}`, {
        transports: [transport],
        reconnectionDelay: 10,
        forceNew: true,
      });
      try {
        await next(client, "connect");
        assert.equal(await ask(client, "a"), `${old.pid} a`);
        const gone = next(client, "disconnect");
        const back = next(client, "connect");
        await old.send(drainMessage(30_000, 100));
        await old.until({ draining: true });
        // The old one does not accept any more: the client can only come here.
        const young = await spawn();
        const begun = performance.now();
        assert.match(String(await gone), /^transport (close|error)$/);
        await back;
        assert.equal(await ask(client, "b"), `${young.pid} b`);
        const status = await old.exited;
        assert.equal(status.code, 0, old.output());
        // Not the 25 s that a poll of Engine.IO hangs for.
        const took = performance.now() - begun;
        assert.ok(took < patience(10_000), `${took} ms`);
      } finally {
        client.close();
      }
    },
  );
}
