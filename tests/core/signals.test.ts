import assert from "node:assert/strict";
import { SIGNAL_ACTIONS } from "../../core/signals.ts";
import { test } from "../harness.ts";

test("every signal of the default preset has its action, and no other has one", () => {
  assert.deepEqual(SIGNAL_ACTIONS, {
    SIGTERM: "stop",
    SIGQUIT: "stop",
    SIGINT: "interrupt",
    SIGHUP: "reload",
    SIGUSR2: "upgrade",
    SIGUSR1: "reopen",
    SIGWINCH: "quiesce",
    SIGCONT: "report",
    SIGTTIN: "more",
    SIGTTOU: "fewer",
  });
});
