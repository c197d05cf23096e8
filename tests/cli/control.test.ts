import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { control, lookFor } from "../../cli/control.ts";
import { isAskedByFile, poolOf, upgradeByFile } from "../../cli/upgrade.ts";
import { parseControl } from "../../cli/verbs.ts";
import { isAlive } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { poolStatus } from "./fake_pool.ts";

const directory = mkdtempSync(path.join(tmpdir(), "prefork-control-"));
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true });
});

/** A directory of sockets of its own. */
const place = (): string => mkdtempSync(path.join(directory, "d"));

/** Something that answers at a socket; undefined answers nothing. */
async function answering(
  file: string,
  answer: (url: string) => unknown,
): Promise<void> {
  const server = createServer(({ url = "" }, response) => {
    const told = answer(url);
    if (told === undefined) return;
    response.end(typeof told === "string" ? told : JSON.stringify(told));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(file, resolve));
  server.unref();
}

const told = (name: string, pid: number, more: object = {}): object => ({
  prefork: 1,
  pool: { name, pid, runtime: "node 26.10.0" },
  status: poolStatus(),
  ...more,
});

/** So long one that does not answer is waited for, in ms. */
const SHORT = 500;

/** What a command line prints. */
async function said(
  line: string,
  directories: readonly string[],
  patience = 60_000,
): Promise<string> {
  let text = "";
  await control(parseControl(line.split(" "))!, {
    stdout: { write: (part) => text += part },
    directories,
    patience,
    isThere: isAlive,
  });
  return text;
}

describe("a verb asks", () => {
  test("the only pool, one by name, by pid, by its socket", async () => {
    const one = place();
    await answering(path.join(one, "web.sock"), () => told("web", 4711));
    for (const which of ["", " web", " 4711", ` ${one}/web.sock`]) {
      assert.match(await said(`status${which}`, [one]), /^prefork web /);
    }
    const two = place();
    await answering(path.join(two, "api.sock"), () => told("api", 4712));
    assert.match(await said("status api", [one, two]), /^prefork api /);
    assert.match(await said("status 4711", [one, two]), /^prefork web /);
    await assert.rejects(said("status", [one, two]), {
      code: "ERR_CONTROL",
      message: /several pools are there, name one of web, api$/,
    });
    // What does not answer is there, and may be the one that is meant.
    const three = place();
    await answering(path.join(three, "busy.sock"), () => undefined);
    await assert.rejects(said("stop", [one, three], SHORT), {
      message: /several pools are there, name one of web, busy$/,
    });
    await assert.rejects(said("status db", [one, two]), {
      message: /no pool "db", those here are web, api \(looked in /,
    });
    const list = (await said("list", [one, two])).split("\n");
    assert.deepEqual(list.slice(1).map((line) => line.split(/\s+/)[0]), [
      "web",
      "api",
      "",
    ]);
  });

  test("nobody where nobody is", async () => {
    const empty = place();
    await assert.rejects(said("reload", [empty, "/nowhere"]), {
      code: "ERR_CONTROL",
      message: new RegExp(`looked in ${empty} and /nowhere \\(`),
    });
    assert.equal(
      await said("list", [empty]),
      "no pool of this user is there\n",
    );
    await assert.rejects(said("stop /nowhere/a.sock", [empty]), {
      message: /"\/nowhere\/a.sock": there is none$/,
    });
  });

  test("and what is no pool is told", async () => {
    const one = place();
    await answering(path.join(one, "web.sock"), () => "<html>");
    await assert.rejects(said("status web", [one]), /is no pool$/);
    const two = place();
    await answering(
      path.join(two, "web.sock"),
      () => ({ ...told("web", 1), prefork: 2 }),
    );
    await assert.rejects(said("status", [two]), /no pool of this version: /);
    const file = path.join(place(), "text");
    writeFileSync(file, "");
    await assert.rejects(said(`status ${file}`, []), { code: "ERR_CONTROL" });
  });

  test("and one that does not answer is told, also in the middle", async () => {
    const one = place();
    const file = path.join(one, "web.sock");
    let answers = 0;
    await answering(
      file,
      (url) =>
        url.endsWith("status") && answers-- > 0 ? told("web", 1) : undefined,
    );
    await assert.rejects(
      said("status", [one], SHORT),
      /has not answered for 0.5 s/,
    );
    assert.match(
      await said("list", [one], SHORT),
      /^web +- +Cannot ask a pool: /m,
    );
    // Its name and process are not known then.
    await answering(path.join(one, "api.sock"), () => told("api", 2));
    await assert.rejects(
      said("status 1", [one], SHORT),
      {
        message:
          `Cannot ask a pool: there is no pool "1", those here are api, web, unless it is one that does not answer, at "${file}" (looked in ${one})`,
      },
    );
    rmSync(path.join(one, "api.sock"));
    answers = 2;
    await assert.rejects(
      said("reload", [one], SHORT),
      /has not answered for 0.5 s/,
    );
    assert.ok(answers < 0, "it was not asked in the middle");
  });

  test("and says what the pool says", async () => {
    const one = place();
    await answering(
      path.join(one, "web.sock"),
      (url) =>
        url.endsWith("reload")
          ? told("web", 1, { error: { code: "ERR_RELOAD", message: "No." } })
          : told("web", 1),
    );
    await assert.rejects(said("reload", [one]), { message: "No." });
    assert.equal(
      await said("scale +1", [one]),
      "prefork scaled pool=web from=2 to=2\n",
    );
    const empty = place();
    await answering(
      path.join(empty, "web.sock"),
      () =>
        told("web", 1, { status: poolStatus({ state: "drained", wanted: 0 }) }),
    );
    assert.match(
      await said("scale 0", [empty]),
      /^prefork scaled pool=web from=0 to=0\nprefork warning pool=web message="it has no workers /,
    );
    assert.match(await said("status", [empty]), /^prefork web state=drained /);
    assert.match(await said("list", [empty]), /^web +1 +drained /m);
    assert.equal(
      JSON.parse(await said("status --json", [one])).pool.name,
      "web",
    );
    assert.equal(JSON.parse(await said("list --json", [one])).length, 1);
  });
});

test("a doctor's word is a pool's where a socket bears it, else a program's", async () => {
  const one = place();
  const look = async (target: string): Promise<unknown> => {
    const desk = { directories: [one], patience: SHORT, isThere: isAlive };
    return (await lookFor(target, desk))?.pool.pid;
  };
  await answering(path.join(one, "web.sock"), () => told("web", 4711));
  await answering(path.join(one, "held.sock"), () => undefined);
  await answering(path.join(one, "held"), () => undefined);
  const left = createServer();
  const made = path.join(one, "made");
  await new Promise<void>((resolve) => left.listen(made, resolve));
  // Closed, it removes the name that it was given.
  renameSync(made, path.join(one, "killed.sock"));
  await new Promise((resolve) => left.close(resolve));
  assert.equal(await look("web"), 4711);
  for (const target of ["held", path.join(one, "held")]) {
    await assert.rejects(look(target), /has not answered for 0.5 s/, target);
  }
  await assert.rejects(look("killed"), /belonged to is gone$/);
  writeFileSync(path.join(one, "program"), "");
  for (const target of ["none", path.join(one, "program"), `${one}/none`]) {
    assert.equal(await look(target), undefined, target);
  }
});

describe("an upgrade by the pid file", () => {
  test("is not meant where a socket is, whatever that is called", async () => {
    const file = path.join(place(), "web.ctl");
    assert.equal(isAskedByFile([file]), true);
    await answering(file, () => undefined);
    assert.equal(isAskedByFile([file]), false);
    assert.equal(isAskedByFile([`${file}.pid`]), true);
    assert.throws(() => poolOf(file, { holderOf: () => undefined }), {
      code: "ERR_UPGRADE",
      message:
        `Cannot upgrade: "${file}" is the pid file of no pool that runs, "prefork list" shows those that do`,
    });
  });

  // What a signal would end, as it has no handler.
  const asked = (): ChildProcess => spawn("sleep", ["60"], { stdio: "ignore" });
  const ask = (pid: number, state: () => string): Promise<unknown> => {
    const target = path.join(directory, "pid");
    const machine = {
      ...{ holderOf: () => pid, read: () => undefined },
      ...{ state, patience: SHORT },
    };
    return upgradeByFile({ target, options: [] }, machine);
  };

  test("asks nobody who is stopped", async () => {
    const child = asked();
    const ended = once(child, "exit");
    await assert.rejects(ask(child.pid!, () => "T"), {
      code: "ERR_UPGRADE",
      message:
        `Cannot upgrade: process ${child.pid} has not answered for 0.5 s: it is stopped (SIGSTOP), have it go on (SIGCONT) and ask again`,
    });
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [null, "SIGTERM"]);
  });

  test("does not wait for one that is stopped later, and waits for one that goes on", async () => {
    const child = asked();
    const ended = once(child, "exit");
    let looks = 0;
    await assert.rejects(
      ask(child.pid!, () => ++looks < 3 || looks > 5 ? "T" : "S"),
      /is stopped \(SIGSTOP\), and upgrades when it goes on \(SIGCONT\)$/,
    );
    assert.deepEqual(await ended, [null, "SIGUSR2"]);
  });
});

describe("the verbs", () => {
  for (
    const [line, meant] of [
      ["status", { verb: "status", flags: [] }],
      ["status -w web", { target: "web", flags: ["--watch"] }],
      ["scale -1", { number: "-1" }],
      ["scale 4 web", { number: "4", target: "web" }],
      ["restart 0 web", { number: "0", target: "web" }],
      ["stop --quick", { flags: ["--quick"] }],
      ["logs -f web", { flags: ["--follow"], target: "web" }],
      ["logs -n 5", { lines: 5, target: undefined }],
      ["logs -n5 web -f", { lines: 5, target: "web", flags: ["--follow"] }],
      ["logs --lines=0 web", { lines: 0, target: "web" }],
    ] as const
  ) {
    test(line, () => {
      const { flags, ...rest } = parseControl(line.split(" "))!;
      const all: Record<string, unknown> = { ...rest, flags: [...flags] };
      for (const [name, value] of Object.entries(meant)) {
        assert.deepEqual(all[name], value);
      }
    });
  }

  for (
    const [line, why] of [
      ["scale", /"scale": it needs a number, write prefork scale N\|\+N\|-N /],
      ["scale web", /"web": it needs a number/],
      ["restart app.js", /"app.js": it needs the number of a slot/],
      ["reload --now", /"--now": there is no such option for it/],
      ["status a b", /"b": one pool is asked at a time/],
      ["list web", /"web": one pool/],
      ["logs -n web", /"web": it needs a whole number, write prefork logs /],
      ["logs -n", /"-n": it needs a whole number/],
      ["logs --follow=1", /"--follow=1": there is no such option/],
      ["status -n 5", /"-n": there is no such option/],
      ["status -x", /prefork status \[POOL\] \[--json\] \[--watch\] \(a prog/],
    ] as const
  ) {
    test(`not ${line}`, () => {
      assert.throws(() => parseControl(line.split(" ")), why);
    });
  }

  test("are none of other words", () => {
    for (const line of ["./status", "server.js", "-w 2", "start app.js", ""]) {
      assert.equal(parseControl(line.split(" ")), undefined);
    }
  });
});
