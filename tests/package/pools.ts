import assert from "node:assert/strict";
import process from "node:process";
import { askTwoWorkers, isAlive, READY } from "./requests.ts";
import { start } from "./run.ts";

/** Checks that a program of {@linkcode poolProgram} runs a pool and stops it. */
export async function runsPool(
  command: [string, ...string[]],
  cwd: string,
): Promise<void> {
  const pool = start(command, cwd);
  try {
    const [, host = "", port] = await pool.line(READY);
    const { pids, supervisor } = await askTwoWorkers(host, Number(port));
    assert.equal(supervisor, pool.child.pid);
    pool.child.stdin?.end();
    assert.equal(await pool.exited, 0, pool.output());
    assert.match(pool.output(), /^stopped$/m);
    assert.deepEqual(pids.filter(isAlive), []);
  } finally {
    pool.kill();
  }
}

/** Checks that the command runs a pool until it is told to stop. */
export async function runsCommand(
  command: readonly [string, ...string[]],
  program: string,
  cwd: string,
): Promise<void> {
  const options = ["-w", "2", "-l", "127.0.0.1:0", "--log-time", "off"];
  const running = start([...command, ...options, program], cwd);
  let supervisor: number | undefined;
  try {
    const [, host = "", port] = await running.line(READY);
    const answer = await askTwoWorkers(host, Number(port));
    // Not the child's: that may be npx or a shell in between.
    supervisor = answer.supervisor;
    process.kill(supervisor, "SIGTERM");
    assert.equal(await running.exited, 0, running.output());
    assert.deepEqual(answer.pids.filter(isAlive), []);
    assert.equal(running.output().match(new RegExp(READY, "gm"))?.length, 1);
  } finally {
    if (supervisor !== undefined && isAlive(supervisor)) {
      process.kill(supervisor, "SIGKILL");
    }
    running.kill();
  }
}
