import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { freePort, holder } from "../ports.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { programs, WRAPPER } from "./programs.ts";

const files = programs();

/** One that answers 500 once it has heard SIGTERM, and says where it listens. */
function database(...ports: readonly number[]): string {
  return files.write(
    `${runtime}_database.mjs`,
    `import http from "node:http";
     import process from "node:process";
     let db = true;
     const server = http.createServer((_, response) => {
       response.statusCode = db ? 200 : 500;
       response.end("pid " + process.pid);
     });
     server.listen(${ports[0]}, "127.0.0.1", () =>
       console.log("on", server.address().address, server.address().port));
     process.on("SIGTERM", () => { server.close(); db = false; });`,
  );
}

/** Servers of the runtime's own on a port that they have tried, and another. */
const NATIVE = {
  node: `
    import http from "node:http";
    const answer = (_, response) => response.end("pid " + process.pid);
    http.createServer().listen(port, "127.0.0.1").close();
    const listen = (place) => new Promise((resolve) =>
      http.createServer(answer).listen(place, resolve));
    await listen({ port, host: "127.0.0.1", exclusive: true });
    await listen({ port, host: "127.0.0.2", reusePort: true });`,
  bun: `
    const fetch = () => new Response("pid " + process.pid);
    const websocket = { message() {} };
    Bun.listen({ port, hostname: "127.0.0.1", socket: { data() {} } }).stop();
    Bun.serve({ port, hostname: "127.0.0.1", fetch, websocket });
    Bun.listen({
      port, hostname: "127.0.0.2",
      socket: { data: (socket) => void socket.end(raw) },
    });`,
  deno: `
    Deno.listen({ port, hostname: "127.0.0.1" }).close();
    Deno.serve({ port, hostname: "127.0.0.1" },
      () => new Response("pid " + process.pid));
    const listener = Deno.listen({ port, hostname: "127.0.0.2" });
    const answer = async (client) => {
      await client.read(new Uint8Array(999));
      await client.write(new TextEncoder().encode(raw));
      client.close();
    };
    for await (const client of listener) void answer(client);`,
} as const;

const PATH = {
  node: `import http from "node:http";
    http.createServer((_, response) => response.end("pid " + process.pid))
      .listen(path);`,
  bun:
    `Bun.serve({ unix: path, fetch: () => new Response("pid " + process.pid) });`,
  deno: `Deno.serve({ path, transport: "unix" },
      () => new Response("pid " + process.pid));`,
} as const;

const NEXT = `import process from "node:process";
const [port, path] = process.argv.slice(2).map((each) => Number(each) || each);
const raw = "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n" +
  "Content-Length: 7\\r\\n\\r\\npid " + String(process.pid).slice(-3);
`;

describe("without -l the pool listens where the program does", () => {
  test("and stays there when the next version listens elsewhere", async () => {
    const [port, next] = [await freePort(), await freePort()];
    await using command = prefork(["-w", "2", database(port)]);
    const { listen, share } = await ready(command);
    assert.deepEqual([listen, share], [`127.0.0.1:${port}`, "balanced"]);
    for (const body of await distinct(listen!, 2)) assert.match(body, /^pid /);
    // It was started once more than there are workers, and a line says so.
    await command.line(/^prefork learning slot=1 generation=0 pid=\d+ reason=/);
    const on = `on 127.0.0.1 ${port}`;
    for (const slot of [0, 1]) {
      await command.line(new RegExp(`^\\[${slot}\\] ${on}$`));
    }
    assert.equal(command.lines.filter((line) => line.endsWith(on)).length, 3);
    database(next);
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
    assert.match((await get(listen!)).body, /^pid /);
    await assert.rejects(get(`127.0.0.1:${next}`));
    const moved =
      `prefork warning message="listen(127.0.0.1:${next}) of the program is served at 127.0.0.1:${port}"`;
    await command.line(new RegExp(moved.replaceAll(/[.()]/g, "\\$&")));
    assert.equal(command.lines.filter((line) => line === moved).length, 1);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });

  test("on each of its ports, by the runtime's own servers, whatever it has tried", async () => {
    const path = files.write(`${runtime}_native.mjs`, NEXT + NATIVE[runtime]);
    const port = await freePort();
    await using command = prefork(["-w", "2", path, String(port)]);
    const { listen, share } = await ready(command);
    const [first, second] = [`127.0.0.1:${port}`, `127.0.0.2:${port}`];
    assert.deepEqual([listen, share], [`${first},${second}`, "balanced"]);
    await distinct(first, 2);
    await distinct(second, 2);
  });

  test("on its path", async () => {
    const path = files.write(`${runtime}_path.mjs`, NEXT + PATH[runtime]);
    const socket = join(files.directory, `${runtime}.sock`);
    await using command = prefork(["-w", "2", path, "0", socket]);
    const { listen } = await ready(command);
    assert.equal(listen, `unix:${socket}`);
    await distinct(listen, 2);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    assert.equal(existsSync(socket), false);
  });

  test("at the port of its default export, and at port 0", async () => {
    const port = await freePort();
    const path = files.write(
      `${runtime}_export.mjs`,
      `export default { port: ${port}, hostname: "127.0.0.1",
         fetch: () => new Response("exported") };`,
    );
    await using command = prefork(["-w", "1", path]);
    const { listen } = await ready(command);
    assert.equal(listen, `127.0.0.1:${port}`);
    assert.equal((await get(listen)).body, "exported");
    await using free = prefork(["-w", "2", database(0)]);
    const { listen: found } = await ready(free);
    for (const slot of [0, 1]) {
      await free.line(
        new RegExp(`^\\[${slot}\\] on ${found!.replace(":", " ")}$`),
      );
    }
    await distinct(found!, 2);
  });

  test("at 8080 where a default export names no port, and says so", async () => {
    const path = files.write(
      `${runtime}_portless.mjs`,
      `export default { fetch: () => new Response("exported") };`,
    );
    await using command = prefork(["-w", "1", path]);
    await command.line(/names no port, so the pool listens on :8080: /);
    // This machine may have something else there.
    await command.line(
      /^prefork listening .*address=:8080 |^prefork: .*":8080"/,
    );
    await using told = prefork(["-w", "1", path], { env: { PORT: "0" } });
    assert.match((await ready(told))["listen"]!, /^:\d+$/);
    assert.equal(told.lines.some((line) => line.includes(":8080")), false);
  });

  test("at PORT, else 8080, when it takes the socket that it is started with", async () => {
    const path = files.write(
      `${runtime}_descriptor.mjs`,
      `import http from "node:http";
       import process from "node:process";
       const { SERVER_STARTER_PORT = "=3" } = process.env;
       http.createServer((_, response) => response.end("pid " + process.pid))
         .listen({ fd: Number(SERVER_STARTER_PORT.split("=")[1]) });`,
    );
    const env = { PORT: String(await freePort()) };
    await using command = prefork(["-w", "2", path], { env });
    const { listen } = await ready(command);
    assert.equal(listen, `:${env.PORT}`);
    await distinct(`127.0.0.1${listen}`, 2);
  });

  test("behind what starts it", async () => {
    const port = await freePort();
    const wrapper = files.write("wrapper.mjs", WRAPPER);
    await using command = prefork(
      ["-w", "2", "node", wrapper, "node", database(port)],
    );
    const { listen } = await ready(command);
    assert.equal(listen, `127.0.0.1:${port}`);
    await distinct(listen, 2);
  });

  test("if it can be had: else the error names the address and who has it", async () => {
    await using held = await holder();
    await using command = prefork(["-w", "2", database(held.port)]);
    assert.equal((await command.ended).code, 4);
    assert.match(
      command.lines.at(-1)!,
      new RegExp(
        `^prefork: Cannot bind "127.0.0.1:${held.port}": .*in use by process `,
      ),
    );
  });
});
