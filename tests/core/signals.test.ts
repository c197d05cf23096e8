import assert from "node:assert/strict";
import { SIGNAL_PRESETS } from "../../core/options/signals.ts";
import { test } from "../harness.ts";

const COMMON = {
  SIGHUP: "reload",
  SIGUSR2: "upgrade",
  SIGUSR1: "reopen",
  SIGWINCH: "quiesce",
  SIGCONT: "report",
  SIGTTIN: "more",
  SIGTTOU: "fewer",
};

test("every signal of each preset has its action, and no other has one", () => {
  assert.deepEqual(SIGNAL_PRESETS, {
    default: {
      SIGTERM: "stop",
      SIGQUIT: "stop",
      SIGINT: "interrupt",
      ...COMMON,
    },
    unicorn: {
      SIGTERM: "quick",
      SIGQUIT: "stop",
      SIGINT: "quick",
      ...COMMON,
    },
    gunicorn: {
      SIGTERM: "stop",
      SIGQUIT: "quick",
      SIGINT: "quick",
      ...COMMON,
    },
    nginx: {
      SIGTERM: "quick",
      SIGQUIT: "stop",
      SIGINT: "quick",
      ...COMMON,
    },
    einhorn: {
      SIGTERM: "stop",
      SIGQUIT: "quick",
      SIGINT: "interrupt",
      ...COMMON,
      SIGUSR2: "stop",
    },
  });
});
