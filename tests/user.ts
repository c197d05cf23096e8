/** Who is somebody else than the one that runs the tests, which takes root. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fixture } from "./command.ts";

/** Whom workers run as: a user that every system has. */
export const USER = "nobody";

/** And a group that is not that user's. */
export const GROUP = "daemon";

/** The fields of a user or a group, out of passwd(5) or group(5). */
export const lineOf = (file: string, name: string): readonly string[] =>
  readFileSync(file, "utf8").split("\n").map((line) => line.split(":"))
    .find(([first]) => first === name)!;

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return "only root can become somebody else";
  const status = readFileSync("/proc/self/status", "utf8");
  const has = BigInt(`0x${/^CapEff:\s+(\w+)/m.exec(status)![1]}`);
  if ((has >> 5n & 15n) !== 15n) return "this root may not become anybody";
  const as = [
    "--reuid",
    USER,
    "--clear-groups",
    "test",
    "-r",
    fixture("user.ts"),
  ];
  const { error, status: code } = spawnSync("setpriv", as);
  if (error !== undefined) return "there is no setpriv";
  return code !== 0 && `${USER} cannot read what is to be run`;
}

/** False where one can become that user here, or why not. */
export const noOtherUser: string | false = whyNot();
