/** One `accept()` in front of several listeners. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { acceptFromAll } from "../../worker/deno/accept.ts";

/** An acceptor that gives what it is told to. */
function acceptor() {
  let pending: PromiseWithResolvers<string> | undefined;
  let closed = false;
  return {
    /** True while somebody waits for it. */
    get isAsked(): boolean {
      return pending !== undefined;
    },
    accept(): Promise<string> {
      if (closed) return Promise.reject(new Error("closed"));
      assert.equal(pending, undefined, "Deno refuses a second call");
      pending = Promise.withResolvers();
      return pending.promise;
    },
    give(connection: string): void {
      pending!.resolve(connection);
      pending = undefined;
    },
    fail(): void {
      pending!.reject(new Error("too many files"));
      pending = undefined;
    },
    close(): void {
      closed = true;
      pending?.reject(new Error("closed"));
      pending = undefined;
    },
  };
}

test("a pending accept() hears of an acceptor that is added", async () => {
  const [one, two] = [acceptor(), acceptor()];
  const all = acceptFromAll<string>(() => true);
  all.add(one);
  const accepted = all.accept();
  assert.ok(one.isAsked);
  all.add(two);
  assert.ok(two.isAsked);
  two.give("two");
  assert.equal(await accepted, "two");
});

test("what was accepted beyond need is given next, in order", async () => {
  const [one, two] = [acceptor(), acceptor()];
  const all = acceptFromAll<string>(() => true);
  all.add(one);
  all.add(two);
  const first = all.accept();
  one.give("one");
  two.give("two");
  assert.equal(await first, "one");
  assert.ok(!one.isAsked && !two.isAsked, "nothing is accepted unasked");
  assert.equal(await all.accept(), "two");
});

test("calls wait in a row", async () => {
  const one = acceptor();
  const all = acceptFromAll<string>(() => true);
  all.add(one);
  const both = [all.accept(), all.accept()];
  one.give("first");
  assert.equal(await both[0], "first");
  one.give("second");
  assert.equal(await both[1], "second");
});

test("an error reaches one call, and accepting goes on", async () => {
  const one = acceptor();
  const all = acceptFromAll<string>(() => true);
  all.add(one);
  const failing = all.accept();
  one.fail();
  await assert.rejects(failing, /too many files/);
  const next = all.accept();
  one.give("next");
  assert.equal(await next, "next");
});

test("the end: what was accepted is delivered, then calls reject", async () => {
  let open = true;
  const [one, two] = [acceptor(), acceptor()];
  const all = acceptFromAll<string>(() => open);
  all.add(one);
  all.add(two);
  const calls = [all.accept(), all.accept(), all.accept()];
  one.give("one");
  open = false;
  one.close();
  two.close();
  assert.equal(await calls[0], "one");
  await assert.rejects(calls[1]!, /closed/);
  await assert.rejects(calls[2]!, /closed/);
  await assert.rejects(all.accept(), /closed/);
});
