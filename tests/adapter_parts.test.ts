/** The parts of the adapters that need no process. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { holderOf, pidFile } from "../adapters/shared/pid_file.ts";
import { placeFile } from "../adapters/shared/place_file.ts";
import { channelReader } from "../adapters/channel/reader.ts";
import { channelsBy } from "../adapters/ffi/channel_reader.ts";
import { channelPair } from "../adapters/ffi/spawn.ts";
import { notify } from "../adapters/shared/notify.ts";
import { announceEnding } from "../adapters/shared/exit.ts";
import { privateDirectory } from "../adapters/shared/control_directory.ts";
import { nextTurn } from "../adapters/shared/turn.ts";
import { grantedCpus } from "../adapters/shared/cpus.ts";
import { frameReader } from "../adapters/channel/frames.ts";
import { CUT, lineSplitter, MAX_LINE } from "../adapters/shared/lines.ts";
import { messageSender } from "../libc/message.ts";
import { libcHere } from "../libc/open.ts";
import { ipSockaddr } from "../libc/sockaddr.ts";
import { afterAll, describe, test } from "./harness.ts";
import { noNotifySocket, notifySocket } from "./notify_socket.ts";
import { patience } from "./pace.ts";
import { commandOn, ownRuntime } from "./runtimes.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("files of processes lie where nobody else can write", () => {
  const own = mkdtempSync(join(tmpdir(), "prefork-private-"));
  const { XDG_RUNTIME_DIR: before } = process.env;
  process.env["XDG_RUNTIME_DIR"] = own;
  try {
    const directory = privateDirectory();
    assert.equal(directory, join(own, "prefork"));
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    chmodSync(directory, 0o777);
    assert.notEqual(privateDirectory(), directory);
  } finally {
    if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else process.env["XDG_RUNTIME_DIR"] = before;
    rmSync(own, { recursive: true });
  }
});

describe("CPUs", () => {
  const cpus = (files: Readonly<Record<string, string>>): number =>
    grantedCpus(64, (file) => files[file]);

  test("the smallest of what the machine, the mask and the quota grant", () => {
    assert.equal(cpus({}), 64);
    const status = "Name:\tx\nCpus_allowed:\tff,00000003\n";
    assert.equal(cpus({ "/proc/self/status": status }), 10);
  });

  test("the quota of the cgroup and of those above it, version 2", () => {
    const own = { "/proc/self/cgroup": "0::/a.slice/b.service\n" };
    const at = (path: string, max: string): Record<string, string> => ({
      ...own,
      [`/sys/fs/cgroup${path}/cpu.max`]: max,
    });
    assert.equal(cpus(at("/a.slice/b.service", "250000 100000\n")), 3);
    assert.equal(cpus(at("/a.slice", "200000 100000\n")), 2);
    assert.equal(cpus(at("", "50000 100000\n")), 1);
    assert.equal(cpus(at("", "max 100000\n")), 64);
    assert.equal(cpus(at("", "nonsense")), 64);
  });

  test("a path outside of what this process sees", () => {
    assert.equal(
      cpus({
        "/proc/self/cgroup": "0::/../../x\n",
        "/sys/fs/cgroup/cpu.max": "100000 100000\n",
      }),
      1,
    );
  });

  test("the quota in version 1", () => {
    const files = {
      "/proc/self/cgroup": "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n",
      "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "150000\n",
      "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    };
    assert.equal(cpus(files), 2);
  });
});

describe("frames", () => {
  const read = (...chunks: readonly string[]): unknown[] => {
    const got: unknown[] = [];
    const push = frameReader({
      onMessage: (message) => got.push(message),
      onInternal: ({ cmd }) => got.push(`internal ${cmd}`),
      onNoise: () => got.push("noise"),
    });
    for (const chunk of chunks) push(bytes(chunk));
    return got;
  };

  test("lines cut anywhere", () => {
    const text = '{"a":"ü"}\n[1]\n{"cmd":"NODE_HANDLE_ACK"}\n{"cmd":"NODE_"}\n';
    const whole = [
      { a: "ü" },
      [1],
      "internal NODE_HANDLE_ACK",
      { cmd: "NODE_" },
    ];
    assert.deepEqual(read(text), whole);
    assert.deepEqual(read(...text), whole);
    assert.deepEqual(read(text.slice(0, -1)), whole.slice(0, 3));
  });

  test("what is too long is dropped up to its end, once", () => {
    const long = "x".repeat(700_000);
    assert.deepEqual(read(long, long, long, "\n1\n"), ["noise", 1]);
    assert.deepEqual(read(`${long}${long}\n1\n`), ["noise", 1]);
    assert.deepEqual(read("{\n1\n"), ["noise", 1]);
  });
});

describe("connections in a channel", () => {
  const ACK = "NODE_HANDLE_ACK";
  const NACK = "NODE_HANDLE_NACK";

  /** Reads chunks, each a text and the name of the connection with it. */
  const read = (
    ...chunks: readonly (readonly [text: string, name?: string])[]
  ): readonly string[] => {
    const got: string[] = [];
    const reader = channelReader({
      onLine: () => {},
      onExit: () => {},
      onMessage: (message) => got.push(JSON.stringify(message)),
      onConnection: (message, { peer }) => got.push(`${message} ${peer}`),
      onNoise: (problem) => got.push(problem),
    }, {
      settle: (_, cmd) => got.push(`settle ${cmd}`),
      answer: ({ cmd }) => got.push(cmd),
    });
    for (const [text, peer] of chunks) {
      reader.read(
        bytes(text),
        peer === undefined ? undefined : {
          peer,
          peeks: false,
          read: () => assert.fail("nothing is read here"),
          close: () => got.push(`close ${peer}`),
        },
      );
    }
    reader.end();
    return got;
  };
  const frame = (msg: string, type = "net.Native"): string =>
    `${JSON.stringify({ cmd: "NODE_HANDLE", type, msg })}\n`;

  test("it belongs to the line that began with it", () => {
    assert.deepEqual(read([frame("m"), "a"]), [ACK, "m a"]);
    assert.deepEqual(read([frame("m", "net.Socket"), "a"]), [ACK, "m a"]);
    assert.deepEqual(read(["1\n"], [`2\n${frame("m")}`, "a"], ["3\n"]), [
      "1",
      "2",
      ACK,
      "m a",
      "3",
    ]);
    const text = frame("m");
    assert.deepEqual(
      read(["1"], [`\n${text.slice(0, 9)}`, "a"], [text.slice(9, 20)], [
        `${text.slice(20)}2\n`,
      ]),
      ["1", ACK, "m a", "2"],
    );
    assert.deepEqual(
      read([text.slice(0, 9), "a"], [text.slice(9) + frame("n"), "b"]),
      [ACK, "m a", ACK, "n b"],
    );
  });

  test("one without the other", () => {
    const without = "a message came without its connection";
    const lonely = "a connection came without its message";
    assert.deepEqual(read([frame("m")]), [without, NACK]);
    assert.deepEqual(read(["1\n", "a"], [frame("m"), "b"]), [
      "1",
      "close a",
      lonely,
      ACK,
      "m b",
    ]);
    assert.deepEqual(read(["1", "a"], ["2\n"]), ["12", "close a", lonely]);
    assert.deepEqual(read(["1", "a"], ["2", "b"], ["3\n"]), [
      "close a",
      lonely,
      "123",
      "close b",
      lonely,
    ]);
    assert.deepEqual(read(['{"cmd":', "a"]), ["close a", lonely]);
  });

  test("what is no connection is refused", () => {
    for (const type of ["net.Server", "dgram.Native", "dgram.Socket", ""]) {
      const [closed, problem, ...rest] = read([frame("m", type), "a"]);
      assert.equal(closed, "close a");
      assert.ok(problem!.includes(`"${type}"`));
      assert.deepEqual(rest, [NACK]);
    }
  });
});

describe("channels", () => {
  const libc = libcHere();
  const skip = libc === undefined ? "libc cannot be called here" : false;

  test("one that is read while another one is waits: both have one buffer", {
    skip,
  }, async () => {
    const ready = new Map<number, () => void>();
    const readChannel = channelsBy(libc!, {
      add: (fd, onReady) => void ready.set(fd, onReady),
      remove: (fd) => void ready.delete(fd),
    });
    const text = (message: unknown): Uint8Array =>
      new TextEncoder().encode(`${JSON.stringify(message)}\n`);
    const heard: unknown[] = [];
    const open = (onMessage: (message: unknown) => void) => {
      const { ours, theirs } = channelPair(libc!);
      const said: string[] = [];
      const reading = readChannel(
        ours,
        channelReader({
          onMessage,
          onConnection: () => {},
          onNoise: (problem) => said.push(problem),
          onLine: () => {},
          onExit: () => {},
        }, { settle: () => {}, answer: () => {} }),
      );
      const send = (bytes: Uint8Array): void => {
        messageSender(libc!).send(theirs, bytes, undefined);
      };
      return { ours, theirs, said, reading, send };
    };
    const second = open((message) => heard.push(message));
    const first = open((message) => {
      heard.push(message);
      ready.get(second.ours)!();
    });
    first.send(text("one"));
    first.send(text("two"));
    second.send(text("three, which is longer"));
    ready.get(first.ours)!();
    assert.deepEqual(heard, ["one", "two"]);
    ready.get(second.ours)!();
    assert.deepEqual(heard.slice(2), ["three, which is longer"]);
    assert.deepEqual([...first.said, ...second.said], []);
    for (const { reading, theirs } of [first, second]) {
      reading.cancel();
      await reading.ended;
      libc!.close(theirs);
    }
    assert.equal(ready.size, 0);
  });
});

describe("ends", () => {
  const skip = process.platform === "linux" ? false : "proc(5) is of Linux";
  const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);
  const isAnnounced = async (
    pid: number,
    ended = Promise.resolve(),
  ): Promise<boolean> => {
    let announced = false;
    const channel = { ended, cancel: () => {} };
    const ending = announceEnding(pid, channel, () => announced = true);
    await ended;
    // What a process has used is kept until it is reaped.
    assert.equal(ending.cpu !== undefined, announced && isThere(pid));
    return announced;
  };

  test(
    "a process is ending once the kernel has left its program, and not because its channel is closed",
    {
      skip,
    },
    async () => {
      // Nobody waits for a child of "sleep", so that one stays a zombie.
      const sleep = spawn("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 60"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      try {
        const [text] = await once(sleep.stdout, "data") as [Uint8Array];
        const zombie = Number(String(text));
        assert.equal(await isAnnounced(sleep.pid!), false);
        while (!await isAnnounced(zombie)) await nextTurn();
      } finally {
        // One that has been reaped by then is as good as one that has not.
        const reaped = once(sleep, "exit").then(() => {});
        const announced = isAnnounced(sleep.pid!, reaped);
        sleep.kill("SIGKILL");
        assert.equal(await announced, true);
      }
      assert.equal(await isAnnounced(sleep.pid!), false, "it was never seen");
    },
  );
});

describe("lines", () => {
  test("bytes cut anywhere, pairs never", () => {
    const lines: string[] = [];
    const splitter = lineSplitter((line) => lines.push(line));
    const text = "ü€😀\r\n\nlast";
    for (const byte of bytes(text)) splitter.push(new Uint8Array([byte]));
    splitter.end();
    assert.deepEqual(lines, ["ü€😀", "", "last"]);
  });

  test("of 1 MiB are whole, the rest of longer ones is marked and left out", () => {
    const lines: string[] = [];
    const splitter = lineSplitter((line) => lines.push(line));
    const mebibyte = "x".repeat(MAX_LINE);
    for (const text of [`${mebibyte}\n`, mebibyte.slice(1), "😀y", "\nz\n"]) {
      splitter.push(bytes(text));
    }
    for (let i = 0; i < 3; i++) splitter.push(bytes(mebibyte));
    splitter.end();
    const cut = [`${mebibyte.slice(1)}${CUT}`, `${mebibyte}${CUT}`];
    assert.deepEqual(lines, [mebibyte, cut[0], "z", cut[1]]);
  });
});

describe("socket addresses", () => {
  const hex = (address: string): string =>
    [...ipSockaddr(address, 0).subarray(8, 24)]
      .map((byte) => byte.toString(16).padStart(2, "0")).join("");

  test("IPv6 in its forms", () => {
    assert.equal(hex("::"), "0".repeat(32));
    assert.equal(hex("::1"), "1".padStart(32, "0"));
    assert.equal(hex("2001:db8::a:b"), "20010db8000000000000000000" + "0a000b");
    assert.equal(hex("::ffff:192.0.2.1"), "00000000000000000000ffffc0000201");
    assert.equal(hex("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
    assert.equal(hex("fe80::"), "fe80".padEnd(32, "0"));
  });

  test("IPv4", () => {
    assert.deepEqual(
      [...ipSockaddr("127.0.0.1", 8080)],
      [2, 0, 31, 144, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    );
  });
});

test("a file is placed in one step, and one that cannot be leaves nothing", () => {
  const directory = mkdtempSync(join(tmpdir(), "prefork-place-"));
  try {
    const path = join(directory, "state");
    for (const text of ["one", "two"]) {
      placeFile(path, text);
      assert.equal(readFileSync(path, "utf8"), `${text}\n`);
    }
    placeFile(path, undefined);
    assert.deepEqual(readdirSync(directory), []);
    // What is there cannot be replaced by a file.
    mkdirSync(path);
    assert.throws(() => placeFile(path, "three"), /EISDIR/);
    assert.deepEqual(readdirSync(directory), ["state"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe("a pid file", () => {
  const directory = mkdtempSync(join(tmpdir(), "prefork-pid-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "pid");
  const own = `${process.pid}\n`;
  const text = (file = path): string => readFileSync(file, "utf8");

  test("is written in one step, and removed by whom it names", () => {
    const file = pidFile(path);
    file.claim();
    assert.equal(text(), own);
    assert.deepEqual(readdirSync(directory), ["pid"]);
    writeFileSync(path, "1\n");
    file.remove();
    assert.equal(text(), "1\n");
    rmSync(path);
  });

  test("of a process that is there is left alone, unless that is the one before", () => {
    writeFileSync(path, `${process.ppid}\n`);
    assert.throws(() => pidFile(path).claim(), {
      code: "ERR_PID_FILE",
      message: new RegExp(`the pool of process ${process.ppid} has it`),
    });
    assert.deepEqual(readdirSync(directory), ["pid"]);
    pidFile(path).claim(process.ppid);
    assert.equal(text(), own);
  });

  test("that is stale is replaced: nobody's, a later process', no number", () => {
    // Beyond the highest number that Linux gives: 2^22.
    for (const stale of ["4194305\n", "text", ""]) {
      writeFileSync(path, stale);
      pidFile(path).claim();
      assert.equal(text(), own);
    }
    if (process.platform !== "linux") return;
    writeFileSync(path, `${process.ppid}\n`);
    utimesSync(path, 1, 1);
    assert.equal(holderOf(path), undefined);
    pidFile(path).claim();
    assert.equal(text(), own);
  });

  test("is set aside and taken back", () => {
    const file = pidFile(path);
    file.setAside();
    assert.equal(text(`${path}.old`), own);
    rmSync(path);
    writeFileSync(path, "4194305\n");
    file.takeBack();
    assert.equal(text(), own);
    assert.deepEqual(readdirSync(directory), ["pid"]);
    file.remove();
    assert.deepEqual(readdirSync(directory), []);
  });

  test("that cannot be written says so", () => {
    assert.throws(() => pidFile(join(directory, "none/pid")).claim(), {
      code: "ERR_PID_FILE",
      message: /Cannot write the pid file ".*none\/pid" \(.*ENOENT.*choose/,
    });
  });

  // A claim is synchronous: in this process one that goes on for ever would
  // end no test.
  const claimIn = (file: string, before = ""): string => {
    const module = new URL("../adapters/shared/pid_file.ts", import.meta.url);
    const code =
      `import process from "node:process"; const { pidFile } = await import("${module}"); ${before} const own = pidFile(${
        JSON.stringify(file)
      }); try { own.claim(); console.log("claimed"); own.setAside(); own.takeBack(); } catch (e) { console.log(e.code, e.message); } own.remove();`;
    const script = join(directory, "claim.ts");
    writeFileSync(script, code);
    const [command, ...args] = commandOn(ownRuntime, script);
    const { stdout, stderr } = spawnSync(command!, args, {
      encoding: "utf8",
      timeout: patience(10_000),
    });
    rmSync(script);
    return `${stdout}${stderr}`;
  };

  test("that is no file is refused, and left alone", () => {
    const at = join(directory, "taken");
    for (
      const [kind, make] of [
        ["a directory", () => mkdirSync(at)],
        ["a named pipe", () => spawnSync("mkfifo", [at])],
      ] as const
    ) {
      make();
      assert.match(
        claimIn(at),
        new RegExp(
          `^ERR_PID_FILE Cannot use the pid file "${at}": it is ${kind}, choose a path for a file\n$`,
        ),
      );
      assert.deepEqual(readdirSync(directory), ["taken"]);
      rmSync(at, { recursive: true });
    }
    // What a supervisor sets aside takes the place of no directory.
    mkdirSync(`${at}.old`);
    assert.equal(claimIn(at), "claimed\n");
    assert.deepEqual(readdirSync(directory), ["taken.old"]);
    rmSync(`${at}.old`, { recursive: true });
  });

  test("of another user that has to stay is refused", {
    skip: process.getuid?.() === 0 ? false : "needs root, to be another user",
  }, () => {
    const at = join(directory, "stale");
    writeFileSync(at, "4194305\n");
    chmodSync(directory, 0o1777);
    assert.match(
      claimIn(at, "process.setuid(65534);"),
      new RegExp(
        `^ERR_PID_FILE Cannot use the pid file "${at}": what is there cannot be replaced \\(EPERM.*\\), remove it or choose another file\n$`,
      ),
    );
    assert.deepEqual(readdirSync(directory), ["stale"]);
    rmSync(at);
  });
});

describe("the service manager", () => {
  test("hears each datagram as one, at a path and at an abstract name", {
    skip: noNotifySocket,
  }, () => {
    const dir = mkdtempSync(join(tmpdir(), "prefork-notify-"));
    for (const name of [join(dir, "socket"), `@prefork ${dir}`]) {
      using manager = notifySocket(name);
      assert.equal(notify(name, "READY=1\nSTATUS=ä"), undefined);
      assert.equal(notify(name, "MAINPID=7"), undefined);
      assert.deepEqual(manager.heard, ["READY=1\nSTATUS=ä", "MAINPID=7"]);
    }
    assert.match(notify(join(dir, "none"), "READY=1")!, /sendmsg.*ENOENT/);
    assert.match(notify("vsock:2:1", "READY=1")!, /neither a path nor/);
    rmSync(dir, { recursive: true });
  });

  test("gets a file descriptor, and the time of a reload by its own clock", {
    skip: noNotifySocket,
  }, () => {
    const dir = mkdtempSync(join(tmpdir(), "prefork-notify-"));
    using manager = notifySocket(join(dir, "socket"));
    const file = join(dir, "file");
    writeFileSync(file, "stored");
    const fd = openSync(file, "r");
    const state = "FDSTORE=1\nFDNAME=web";
    assert.equal(notify(join(dir, "socket"), state, fd), undefined);
    closeSync(fd);
    assert.deepEqual(manager.heard, [state]);
    assert.equal(
      readFileSync(`/proc/self/fd/${manager.fds.get(0)}`, "utf8"),
      "stored",
    );

    // CLOCK_MONOTONIC goes on with /proc/uptime, which counts sleep too.
    const uptime = (): number =>
      Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    const before = uptime();
    notify(join(dir, "socket"), "RELOADING=1\nSTATUS=x");
    const [, time] = /^RELOADING=1\nSTATUS=x\nMONOTONIC_USEC=(\d+)$/
      .exec(manager.heard[1]!)!;
    assert.ok(Number(time) / 1e6 <= uptime() + 0.02, `${time} at ${before}`);
    assert.ok(Number(time) / 1e6 > before - 3600 * 24, `${time} at ${before}`);
    notify(join(dir, "socket"), "RELOADING=1");
    const [, later] = /MONOTONIC_USEC=(\d+)/.exec(manager.heard[2]!)!;
    assert.ok(Number(later) >= Number(time));
    rmSync(dir, { recursive: true });
  });
});
