import assert from "node:assert/strict";
import { readListenArguments } from "../../worker/match/listen_arguments.ts";
import { describe, test } from "../harness.ts";

/** Where the arguments lead, in short. */
function place(...args: unknown[]): unknown {
  const request = readListenArguments(args);
  if (request === undefined) return undefined;
  const { wanted, backlog } = request;
  if (wanted.kind === "fd") return wanted.fd;
  const at = wanted.kind === "unix"
    ? wanted.path
    : `${wanted.host ?? "*"} ${wanted.port}`;
  return backlog === undefined ? at : [at, backlog];
}

const run = () => {};

describe("the forms of listen()", () => {
  test("port, host, backlog and callback, each of the last three optional", () => {
    assert.equal(place(80), "* 80");
    assert.equal(place("80"), "* 80");
    assert.equal(place(80, run), "* 80");
    assert.equal(place(80, "::1", run), "::1 80");
    assert.deepEqual(place(80, 5, run), ["* 80", 5]);
    assert.deepEqual(place(80, "::1", 5, run), ["::1 80", 5]);
    assert.deepEqual(place(80, undefined, 5), ["* 80", 5]);
  });

  test("nothing, null and undefined mean any free port", () => {
    assert.equal(place(), "* 0");
    assert.equal(place(run), "* 0");
    assert.equal(place(null), "* 0");
    assert.equal(place(undefined, run), "* 0");
    assert.equal(place({ port: undefined }), "* 0");
    assert.equal(place({ port: null }), "* 0");
  });

  test("the number of an open socket goes before all else", () => {
    assert.equal(place({ fd: 3 }), 3);
    assert.equal(place({ fd: 3, port: 80, path: "/run/a" }), 3);
  });

  test("a path", () => {
    assert.equal(place("/run/a", run), "/run/a");
    assert.equal(place("\0a"), "\0a");
    assert.deepEqual(place("/run/a", 7), ["/run/a", 7]);
    assert.equal(place({ path: "/run/a" }), "/run/a");
  });

  test("options", () => {
    assert.equal(place({ port: 80, host: "::1" }), "::1 80");
    assert.equal(place({ port: "80" }, run), "* 80");
    assert.deepEqual(place({ port: 80, backlog: 9 }), ["* 80", 9]);
    const { signal } = new AbortController();
    const request = readListenArguments([
      { port: 1, host: "::", ipv6Only: true, exclusive: true, signal },
      run,
    ]);
    assert.equal(request?.ipv6Only, true);
    assert.equal(request?.alone, true);
    assert.equal(request?.signal, signal);
    assert.equal(request?.callback, run);
    assert.equal(
      readListenArguments([{ port: 1, reusePort: true }])?.alone,
      true,
    );
    assert.equal(readListenArguments([{ port: 1 }])?.alone, false);
  });

  test("what is open already, and what the runtime refuses, is left to it", () => {
    assert.equal(place({ fd: -1 }), undefined);
    assert.equal(place({ _handle: {} }), undefined);
    assert.equal(place({ handle: {} }), undefined);
    assert.equal(place({}), undefined);
    assert.equal(place({ port: 70_000 }), undefined);
    assert.equal(place(-1), undefined);
    assert.equal(place(true), undefined);
    assert.equal(place({ port: 1, host: 5 }), undefined);
    assert.equal(place({ port: 1, signal: {} }), undefined);
    assert.equal(place(""), undefined);
  });
});
