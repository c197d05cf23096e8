/** What is left of killed supervisors among the temporary files. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { socketPlace, sweep } from "../adapters/shared/socket_place.ts";
import { test } from "./harness.ts";

test("places of processes that are gone are removed, and nothing else", () => {
  const dir = mkdtempSync(join(tmpdir(), "prefork-sweep-"));
  try {
    const { pid: dead } = spawnSync("true");
    const place = (name: string): string => {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, "socket"), "");
      return name;
    };
    const gone = [
      place(`prefork-notify-own-${dead}-AbCd12`),
      place(`prefork-notify-own-${dead}-zzzzzz`),
    ];
    // Somebody has cleared it partly.
    rmSync(join(dir, gone[1]!, "socket"));
    const stays = [
      place(`prefork-notify-own-${process.pid}-AbCd12`),
      place(`prefork-notify-other-${dead}-AbCd12`),
      place(`prefork-notify-own-${dead}-`),
      place(`prefork-notify-${dead}`),
      place(`x-prefork-notify-own-${dead}-AbCd12`),
      place(`prefork-notify-own-${dead}-fuller`),
      `prefork-notify-own-${dead}-linked`,
      `prefork-notify-own-${dead}-afile1`,
      "target",
    ];
    writeFileSync(join(dir, stays[5]!, "more"), "");
    place("target");
    symlinkSync(join(dir, "target"), join(dir, stays[6]!));
    writeFileSync(join(dir, stays[7]!), "");
    sweep(dir, "own");
    assert.deepEqual(readdirSync(dir).sort(), stays.sort());
    assert.ok(existsSync(join(dir, "target", "socket")));
    sweep(join(dir, "nowhere"), "own");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("a place says whose it is, and another process of the same namespace finds it", () => {
  const place = socketPlace();
  try {
    assert.match(
      place.path,
      new RegExp(`/prefork-notify-\\w+-${process.pid}-\\w+/socket$`),
    );
  } finally {
    place.remove();
  }
  assert.ok(!existsSync(join(place.path, "..")));
});
