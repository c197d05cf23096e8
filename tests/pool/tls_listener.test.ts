import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { spawn } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type Command,
  fixture,
  IDLE_GRACE,
  prefork,
  ready,
  until,
  watch,
} from "../command.ts";
import { one, renewed, type TestPair, two } from "../fixtures/certificates.ts";
import { test } from "../harness.ts";
import { patience } from "../pace.ts";
import {
  binary,
  cleanEnv,
  ownRuntime as runtime,
  type Runtime,
  runtimeArgs,
} from "../runtimes.ts";
import { askAll, askTls, bodyOf, tlsLoad } from "../tls_client.ts";
import { connect } from "../worker/client.ts";

const serialOf = ({ cert }: TestPair) => new X509Certificate(cert).serialNumber;

interface Files {
  readonly directory: string;
  /** `cert=..&key=..` of both pairs. */
  readonly settings: string;
  /** Puts other files in the place of the first pair. */
  put(pair: TestPair): void;
}

/** Two certificates in a directory of their own, gone after the test. */
async function withFiles(run: (files: Files) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "prefork-tls-"));
  const write = (name: string, pair: TestPair): void => {
    for (const kind of ["cert", "key"] as const) {
      const file = path.join(directory, `${name}.${kind}`);
      writeFileSync(`${file}.new`, pair[kind]);
      renameSync(`${file}.new`, file);
    }
  };
  write("one", one);
  write("two", two);
  const settings = ["one", "two"].map((name) =>
    `cert=${directory}/${name}.cert&key=${directory}/${name}.key`
  ).join("&");
  try {
    await run({ directory, settings, put: (pair) => write("one", pair) });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function pool(
  runtime: Runtime,
  kind: string,
  listen: string,
  ...options: string[]
): Command {
  const program = [fixture("gated.ts"), kind];
  return prefork([
    "-w",
    "2",
    "-r",
    runtime,
    "-l",
    listen,
    ...options,
    ...program,
  ]);
}

const KINDS = ["http", "serve", "net", "http2"] as const;

test("servers without TLS get several names over TLS", () =>
  withFiles(async ({ settings, directory }) => {
    for (const kind of KINDS) {
      const alpn = kind === "http2" ? ["h2"] : ["http/1.1"];
      await using command = pool(runtime, kind, `127.0.0.1:0?${settings}`);
      const address = await where(command);
      const ask = (servername: string | undefined) => ({
        address,
        alpn,
        ...(servername !== undefined && { servername }),
        // The preface of HTTP/2 (RFC 9113 §3.4) is answered by SETTINGS.
        ...(kind === "http2" && {
          text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
          until: "\x04",
        }),
        ...(kind === "net" && { text: "hello", until: "\\}\nhello" }),
      });
      const [first, none, unknown, second, plain] = await askAll([
        ask("a.one.test"),
        ask(undefined),
        ask("unknown.test"),
        ask("two.test"),
        { address, plain: true },
      ]);
      for (const each of [first, none, unknown]) {
        assert.equal(each!.serial, serialOf(one), JSON.stringify(each));
      }
      assert.equal(second!.serial, serialOf(two), kind);
      assert.equal(first!.alpn, kind === "net" ? false : alpn[0], kind);
      assert.match(plain!.error!, /ended/);
      if (kind === "serve") {
        assert.equal(bodyOf(second!)["url"], "https://one.test/path");
      } else if (kind !== "http2") {
        assert.equal(bodyOf(second!)["encrypted"], true);
        assert.equal(bodyOf(second!)["address"], "127.0.0.1");
      }
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    }
    await using command = pool(
      runtime,
      "http",
      `unix:${directory}/s?${settings}`,
    );
    await ready(command);
    const over = await askTls({
      address: `unix:${directory}/s`,
      servername: "two.test",
    });
    assert.equal(over.serial, serialOf(two));
    assert.equal(bodyOf(over)["encrypted"], true);
  }));

test("renewed certificates are used without a restart, bad ones are not", () =>
  withFiles(async ({ settings, put }) => {
    await using command = pool(runtime, "http", `127.0.0.1:0?${settings}`);
    const address = await where(command);
    await using load = await tlsLoad(address, ["one.test", "two.test"], 20);
    // So many that chance does not leave one of the two workers out.
    const all = async (serial: string) =>
      (await askAll(Array(12).fill({ address, servername: "one.test" })))
        .every((each) => each.serial === serial);
    put({ cert: renewed.cert, key: two.key });
    const complaint =
      /^\[\d\] Cannot renew a certificate: the key ".*one\.key" does not belong /;
    await until(
      () => command.lines.filter((line) => complaint.test(line)).length === 2,
      "a line of each worker",
    );
    assert.ok(await all(serialOf(one)));
    put(renewed);
    await until(() => all(serialOf(renewed)), "the renewed certificate");
    const report = await load.stop();
    assert.deepEqual(report.failed, []);
    assert.ok(report.serials[serialOf(one)]! > 0);
    assert.ok(report.serials[serialOf(renewed)]! > 0);
    assert.ok(report.serials[serialOf(two)]! > 0);
    assert.equal(Object.keys(report.serials).length, 3);
  }));

test("clients that give up their handshake leave nothing behind", () =>
  withFiles(async ({ settings }) => {
    for (const first of ["", "proxy=any&"]) {
      const listen = `127.0.0.1:0?${first}${settings}`;
      await using command = pool(runtime, "http", listen);
      const port = Number((await where(command)).split(":")[1]);
      const head = first === "" ? "" : "PROXY UNKNOWN\r\n";
      const since = performance.now();
      for (const text of ["", "\x16\x03\x01", "GET / HTTP/1.1\r\n\r\n"]) {
        const socket = net.connect({ port, host: "127.0.0.1" });
        socket.on("error", () => {});
        socket.end(`${head}${text}`, "latin1");
        socket.resume();
        await once(socket, "close");
      }
      // Long before the time of a handshake is up.
      assert.ok(performance.now() - since < patience(9000));
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    }
  }));

/** True once somebody listens there: the path is there before that. */
const accepts = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const client = net.connect(path, () => {
      client.destroy();
      resolve(true);
    });
    client.on("error", () => resolve(false));
  });

test("a program run by hand ends TLS as well", () =>
  withFiles(async ({ settings, directory }) => {
    const run = (kind: string, listen: string) => {
      const file = fixture("gated.ts");
      const args = [...runtimeArgs(runtime, file), kind, listen];
      const stdio = ["ignore", "pipe", "pipe"] as const;
      const env = cleanEnv();
      return watch(spawn(binary(runtime), args, { env, stdio: [...stdio] }));
    };
    for (const kind of ["http", "serve"]) {
      const address = `unix:${directory}/${kind}`;
      await using program = run(kind, `${address}?${settings}`);
      await until(() => accepts(`${directory}/${kind}`), "the socket");
      const answer = await askTls({ address, servername: "two.test" });
      assert.equal(answer.serial, serialOf(two), JSON.stringify(answer));
      if (kind === "http") assert.equal(bodyOf(answer)["encrypted"], true);
      else assert.match(String(bodyOf(answer)["url"]), /^https:/);
      program.signal("SIGTERM");
      assert.equal((await program.ended).code, 0);
    }
    const files = `cert=${directory}/gone&key=${directory}/gone`;
    await using program = run("http", `web=127.0.0.1:0?${files}`);
    await program.line(
      /Cannot attach to the listener "web": the certificate ".*\/gone" cannot be read: .*, put the files right and start again/,
    );
    assert.notEqual((await program.ended).code, 0);
  }));

for (const share of ["balanced", "shared", "sharded", "handoff"]) {
  test(`${share}: a reload over TLS loses nothing`, () =>
    withFiles(async ({ settings }) => {
      await using command = pool(
        runtime,
        "http",
        `127.0.0.1:0?${settings}&share=${share}`,
        ...["--soak", "100ms", ...IDLE_GRACE],
      );
      const address = await where(command);
      await using load = await tlsLoad(address, ["one.test", "two.test"], 12);
      for (let generation = 2; generation < 4; generation++) {
        command.signal("SIGHUP");
        await command.line(
          new RegExp(
            `^prefork reload-finished .*generation=${generation}\\b`,
          ),
        );
      }
      const report = await load.stop();
      assert.deepEqual(report.failed, []);
      assert.ok(Object.keys(report.pids).length >= 3);
      assert.ok(report.kept > 0);
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    }));
}

test("one address is one worker's in sticky pools, over TLS as well", () =>
  withFiles(async ({ settings }) => {
    const options = ["--share", "handoff", "--balance", "sticky"];
    const listen = `127.0.0.1:0?${settings}`;
    await using command = pool("node", "http", listen, ...options);
    const address = await where(command);
    const answers = await askAll(Array(8).fill({ address }));
    const pids = new Set(answers.map((each) => bodyOf(each)["pid"]));
    assert.equal(pids.size, 1);
  }));

test("a server with certificates of its own is refused", () =>
  withFiles(async ({ settings }) => {
    await using command = pool(
      runtime,
      "https",
      `web=127.0.0.1:0?${settings}`,
    );
    assert.equal((await command.ended).code, 3);
    assert.ok(
      command.lines.some((line) =>
        line.includes(
          'Cannot attach the https server to the listener "web": both have certificates, use http.createServer(), for which the listener ends TLS, or leave "cert" and "key" out of the listener',
        )
      ),
      command.lines.join("\n"),
    );
  }));

test("programs in other languages are refused, what starts JavaScript is not", () =>
  withFiles(async ({ settings }) => {
    const listen = ["-l", `web=127.0.0.1:0?${settings}`];
    await using other = prefork(["-w", "1", ...listen, "sh", "-c", "true"]);
    assert.equal((await other.ended).code, 2);
    assert.match(
      other.of("stderr").join("\n"),
      /Cannot listen on "web": only workers on Node, Deno and Bun end TLS, /,
    );
    const program = ["node", fixture("gated.ts"), "http"];
    await using command = prefork(["-w", "1", ...listen, ...program]);
    const address = await where(command);
    const answer = await askTls({ address, servername: "two.test" });
    assert.equal(answer.serial, serialOf(two), JSON.stringify(answer));
  }));

test("certificates that cannot be used are exit code 4, before a worker starts", () =>
  withFiles(async ({ directory }) => {
    const refused: Record<string, RegExp> = {
      [`cert=${directory}/gone&key=${directory}/one.key`]:
        /Cannot listen on "web": the certificate ".*\/gone" cannot be read: /,
      [`cert=${directory}/one.cert&key=/dev/zero`]:
        /Cannot listen on "web": the key "\/dev\/zero" cannot be read: it is no regular file/,
      [`cert=${directory}/one.cert&key=${directory}/two.key`]:
        /Cannot listen on "web": the key ".*two\.key" does not belong to the certificate ".*one\.cert"/,
    };
    for (const [settings, problem] of Object.entries(refused)) {
      await using command = pool("node", "http", `web=127.0.0.1:0?${settings}`);
      assert.equal((await command.ended).code, 4);
      assert.match(command.of("stderr").join("\n"), problem);
      assert.ok(!command.lines.some((line) => line.includes("worker-")));
    }
  }));

/** Waits for the pool and says where it listens. */
async function where(command: Command): Promise<string> {
  return (await ready(command))["listen"]!;
}

test("a stop does not wait for what clients begin and never finish", () =>
  withFiles(async ({ settings }) => {
    await using command = prefork([
      ...["-w", "1", "--grace", `${patience(2000)}ms`],
      ...["", "?proxy=v1", `?${settings}`].flatMap((features) => [
        "-l",
        `127.0.0.1:0${features}`,
      ]),
      fixture("stuck.ts"),
    ]);
    const ports = (await ready(command))["listen"]!.split(",")
      .map((address) => Number(/\d+$/.exec(address)![0]));
    // Half a head, half a PROXY header, half a handshake.
    const halves = ["GET / HTTP/1.1\r\nHost:", "PROXY TCP4 ", "\x16\x03\x01"];
    const clients = await Promise.all(ports.map(connect));
    for (const [i, client] of clients.entries()) client.send(halves[i]!);
    await new Promise((resolve) => setTimeout(resolve, 100));
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0, command.lines.join("\n"));
    await Promise.all(clients.map((client) => client.ended));
    assert.match(clients[0]!.text(), /^HTTP\/1.1 408 Request Timeout\r\n/);
    assert.ok(command.lines.includes("prefork stopped killed=0"));
  }));
