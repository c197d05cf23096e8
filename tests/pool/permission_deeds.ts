/** What `permission.test.ts` does with a pool, to see that nothing is missing. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type Command,
  fixture,
  isAlive,
  readyPids,
  until,
} from "../command.ts";
import { one } from "../fixtures/certificates.ts";
import { get } from "../http.ts";
import { noNotifySocket, notifySocket } from "../notify_socket.ts";
import { askTls } from "../tls_client.ts";
import { lineOf, noOtherUser, USER } from "../user.ts";

/** What a pool is started in, and what it does there. */
export interface Scene {
  /** What stands before the command line of the supervisor. */
  readonly parent?: readonly string[];
  /** Its variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Has it done once the pool is ready, and looks at it. */
  see(pool: Command, address: string): Promise<void>;
  /** Closes what was made for it. */
  readonly close?: () => void;
}

/** Something that a pool can do. */
export interface Deed {
  /** False where it can be done here, or why not. */
  readonly skip?: string | false;
  /** Makes what it takes, in the directory of the test. */
  begin(directory: string): Scene;
}

async function answers(_: unknown, address: string): Promise<void> {
  if (address.startsWith("udp:")) return;
  assert.match((await get(address)).body, /pid/);
}

const python = spawnSync("python3", ["--version"]).status === 0;

/** A service manager that hears something from the pool. */
function manager(word: RegExp, passed: number): Scene {
  const name = `@prefork-permission-${process.pid}-${Math.random()}`;
  const socket = notifySocket(name);
  return {
    env: { NOTIFY_SOCKET: name },
    see: () =>
      until(
        () => word.test(socket.heard.join("\n")) && socket.fds.size === passed,
        `${word} is heard`,
      ),
    close: () => socket[Symbol.dispose](),
  };
}

/** What they are called. */
export type DeedName =
  | "requests"
  | "parent"
  | "tls"
  | "user"
  | "upgrade"
  | "manager"
  | "store";

/** All of them, by their names in `permission_table.ts`. */
export const DEEDS: Readonly<Record<DeedName, Deed>> = {
  requests: { begin: () => ({ see: answers }) },
  parent: {
    skip: python
      ? false
      : "python3 is not here, by which the parent is written",
    begin: () => {
      const plan = { sockets: [{ at: 5, kind: "tcp" }] };
      const parent = ["python3", fixture("parent.py"), JSON.stringify(plan)];
      return { parent, see: answers };
    },
  },
  tls: {
    begin: (directory) => {
      for (const kind of ["cert", "key"] as const) {
        writeFileSync(join(directory, `web.${kind}`), one[kind]);
      }
      return {
        async see(_, address) {
          const { answer, error } = await askTls({ address, until: "pid=" });
          assert.match(answer ?? "", /pid=/, String(error));
        },
      };
    },
  },
  user: {
    skip: noOtherUser,
    begin: () => ({
      async see(pool, address) {
        await answers(pool, address);
        const [pid] = readyPids(pool);
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const uid = lineOf("/etc/passwd", USER)[2]!;
        assert.match(status, new RegExp(`^Uid:\t${uid}\t${uid}\t`, "m"));
      },
    }),
  },
  upgrade: {
    begin: () => ({
      async see(pool, address) {
        pool.signal("SIGUSR2");
        const [, next] = await pool.line(
          /^prefork upgrade-finished pid=(\d+)|Cannot upgrade/,
        );
        try {
          await until(() => !isAlive(pool.pid), "the first one has gone");
          await answers(pool, address);
        } finally {
          process.kill(Number(next), "SIGKILL");
        }
      },
    }),
  },
  manager: {
    skip: noNotifySocket,
    begin: () => manager(/^READY=1$/m, 0),
  },
  store: {
    skip: noNotifySocket,
    // A socket, and the record of it.
    begin: () => manager(/^FDSTORE=1$/m, 2),
  },
};
