import assert from "node:assert/strict";
import { EventStream } from "../../core/event_stream.ts";
import { test } from "../harness.ts";

async function collect<T>(reader: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of reader) values.push(value);
  return values;
}

test("a reader sees in order what was pushed since it began", async () => {
  const stream = new EventStream<number>();
  stream.push(0);
  const reader = stream.read();
  for (let i = 1; i <= 5; i++) stream.push(i);
  stream.close();
  assert.deepEqual(await collect(reader), [1, 2, 3, 4, 5]);
});

test("every reader sees everything, at its own pace", async () => {
  const stream = new EventStream<string>();
  const early = stream.read();
  stream.push("a");
  const late = stream.read();
  stream.push("b");
  assert.deepEqual(await early.next(), { done: false, value: "a" });
  stream.push("c");
  stream.close();
  assert.deepEqual(await collect(late), ["b", "c"]);
  assert.deepEqual(await collect(early), ["b", "c"]);
});

test("a reader that waits gets the next value", async () => {
  const stream = new EventStream<number>();
  const reader = stream.read();
  const next = reader.next();
  stream.push(1);
  assert.deepEqual(await next, { done: false, value: 1 });
});

test("closing ends readers that wait, and what comes later is not seen", async () => {
  const stream = new EventStream<number>();
  const [one, two] = [stream.read(), stream.read()];
  const waiting = [one.next(), two.next()];
  stream.close();
  stream.push(1);
  const end = { done: true, value: undefined };
  assert.deepEqual(await Promise.all(waiting), [end, end]);
  assert.deepEqual(await one.next(), end);
});

test("a reader of a closed stream is at its end", async () => {
  const stream = new EventStream<number>();
  stream.push(1);
  stream.close();
  stream.close();
  assert.deepEqual(await collect(stream.read()), []);
});

test("a loop that is left early collects no more, the others go on", async () => {
  const stream = new EventStream<number>();
  const [left, other] = [stream.read(), stream.read()];
  stream.push(1);
  stream.push(2);
  for await (const value of left) {
    assert.equal(value, 1);
    break;
  }
  stream.push(3);
  assert.deepEqual(await left.next(), { done: true, value: undefined });
  stream.close();
  assert.deepEqual(await collect(other), [1, 2, 3]);
});

test("return() ends a next() that waits", async () => {
  const stream = new EventStream<number>();
  const reader = stream.read();
  const next = reader.next();
  await reader.return!();
  assert.deepEqual(await next, { done: true, value: undefined });
});

test("a value pushed while another is being read is not lost", async () => {
  const stream = new EventStream<number>();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const value of stream.read()) {
      seen.push(value);
      if (value < 50) stream.push(value + 1);
      else stream.close();
    }
  })();
  stream.push(1);
  await reading;
  assert.deepEqual(seen, Array.from({ length: 50 }, (_, i) => i + 1));
});
