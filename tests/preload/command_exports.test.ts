import assert from "node:assert/strict";
import { LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { programs } from "./programs.ts";

const files = programs();

/** Programs that answer with `body` and write how often they were run. */
const SERVED: Readonly<Record<string, { file: string; text: string }>> = {
  "a fetch handler": {
    file: "fetch.mjs",
    text: `console.log("run", import.meta.main ?? true);
      export default {
        port: 1, hostname: "203.0.113.1",
        fetch(request) { return new Response("at " + new URL(request.url).pathname); },
      };`,
  },
  "a fetch handler in TypeScript": {
    file: "fetch.ts",
    text: `console.log("run", (import.meta as { main?: boolean }).main ?? true);
      export default { async fetch(request: Request): Promise<Response> {
        return new Response("at " + new URL(request.url).pathname as string);
      } };`,
  },
  "a fetch handler beside something that goes on": {
    file: "busy.mjs",
    text: `console.log("run", true); setInterval(() => {}, 1000);
      export default {
        fetch: (request) => new Response("at " + new URL(request.url).pathname),
      };`,
  },
  "a listener of node:http": {
    file: "listener.mjs",
    text: `console.log("run", import.meta.main ?? true);
      export default (request, response) => response.end("at " + request.url);`,
  },
  "a listener in CommonJS": {
    file: "listener.cjs",
    text: `console.log("run", require.main === module);
      module.exports = function (request, response) {
        response.end("at " + request.url);
      };`,
  },
  "an app as Express makes one, compiled to CommonJS": {
    file: "app.cjs",
    text: `console.log("run", require.main === module);
      const app = function (...args) { app.handle(...args); };
      app.handle = (request, response) => response.end("at " + request.url);
      app.listen = () => { throw new Error("not called"); };
      Object.defineProperty(exports, "__esModule", { value: true });
      exports.default = app;`,
  },
};

describe("a default export", () => {
  for (const [name, { file, text }] of Object.entries(SERVED)) {
    test(`${name} is served, and its module run once`, async () => {
      const path = files.write(`${runtime}_${file}`, text);
      await using command = prefork([
        ...["-w", "2", "-r", runtime, ...LOCAL],
        path,
      ]);
      const { listen } = await ready(command);
      assert.equal((await get(listen!, "/here")).body, "at /here");
      if (text.includes("port: 1,")) {
        await command.line(
          /listen\(203\.0\.113\.1:1\) of the program is served at 127\.0\.0\.1:/,
        );
      }
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0);
      for (const slot of [0, 1]) {
        assert.deepEqual(
          command.of("stdout").filter((line) =>
            line.startsWith(`[${slot}] run`)
          ),
          [`[${slot}] run true`],
        );
      }
    });
  }

  test("a program that also listens is left to itself", async () => {
    const path = files.write(
      `${runtime}_both.mjs`,
      `import http from "node:http";
         const app = (request, response) => response.end("exported");
         export default app;
         setTimeout(() => http.createServer((request, response) => {
           response.end("listened " + process.pid);
         }).listen(3000), 1500);`,
    );
    await using command = prefork([
      ...["-w", "2", "-r", runtime, ...LOCAL],
      path,
    ]);
    const { listen } = await ready(command);
    for (const body of await distinct(listen!, 2)) {
      assert.match(body, /^listened /);
    }
  });

  test("a program that ends without anything to serve does not boot", async () => {
    const path = files.write(
      `${runtime}_ends.mjs`,
      `export default class Server { constructor(request, response) {} }`,
    );
    await using command = prefork(["-r", runtime, ...LOCAL, path]);
    assert.equal((await command.ended).code, 3);
    assert.equal(
      command.lines.at(-1),
      "prefork: Cannot start the program: the program ended without calling listen()",
    );
  });
});
