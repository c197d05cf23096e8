/** How the connections of native servers are counted. */
import assert from "node:assert/strict";
import {
  createNativeLoad,
  type NativeLoad,
} from "../../worker/balance/native_load.ts";
import { test } from "../harness.ts";

/** A process with open files in virtual time. */
function files(): {
  count: number;
  time: number;
  looks: number;
  readonly load: NativeLoad;
} {
  const self = {
    count: 20,
    time: 0,
    looks: 0,
    load: undefined as unknown as NativeLoad,
  };
  self.load = createNativeLoad(
    () => {
      self.looks++;
      self.time += 0.002;
      return self.count;
    },
    () => self.time,
  );
  return self;
}

test("native load: files that come and go are connections", () => {
  const self = files();
  let exact = 0;
  using _one = self.load.add({ open: () => exact, cheap: false });
  assert.equal(self.load.open(), 0);
  self.time += 1;
  [self.count, exact] = [27, 7];
  assert.equal(self.load.open(), 7);
  assert.equal(self.load.arrived(), 7);
  assert.equal(self.load.arrived(), 0);
  self.time += 1;
  [self.count, exact] = [23, 3];
  assert.equal(self.load.open(), 3);
  assert.equal(self.load.arrived(), 0);
});

test("native load: the program's own files are no connections", () => {
  const self = files();
  let exact = 0;
  using _one = self.load.add({ open: () => exact, cheap: false });
  self.time += 10;
  self.count = 25;
  assert.equal(self.load.open(), 0);
  assert.equal(self.load.arrived(), 0);
  self.time += 10;
  // One of them is closed, and a connection has its place.
  exact = 1;
  assert.equal(self.load.open(), 0);
  self.time += 100;
  assert.equal(self.load.open(), 1);
  assert.equal(self.load.arrived(), 1);
});

test("native load: what was taken for a connection is taken back", () => {
  const self = files();
  let exact = 0;
  const count = (): number => {
    self.time += 1;
    return exact;
  };
  using _one = self.load.add({ open: count, cheap: false });
  self.time += 1000;
  [self.count, exact] = [21, 1];
  assert.equal(self.load.arrived(), 1);
  // To count again so soon would cost too much.
  [self.count, exact] = [29, 4];
  self.time += 1;
  assert.equal(self.load.open(), 9);
  assert.equal(self.load.arrived(), 8);
  self.time += 1000;
  assert.equal(self.load.open(), 4);
  assert.equal(self.load.arrived(), 0);
  // They were none the next time either.
  self.time += 1000;
  assert.equal(self.load.arrived(), -5);
  assert.equal(self.load.arrived(), 0);
  // The same where fewer were seen than there are.
  self.count = 24;
  assert.equal(self.load.open(), 4);
  self.count = 20;
  self.time += 1;
  assert.equal(self.load.open(), 0);
  assert.equal(self.load.arrived(), 0);
  self.time += 1000;
  assert.equal(self.load.open(), 4);
  assert.equal(self.load.arrived(), 0);
});

test("native load: one that its client has closed was a connection", () => {
  const self = files();
  let exact = 0;
  using _one = self.load.add({ open: () => exact, cheap: false });
  self.time += 1000;
  [self.count, exact] = [21, 1];
  assert.equal(self.load.arrived(), 1);
  // The kernel knows of none any more, and its file is there yet.
  exact = 0;
  self.time += 1000;
  assert.equal(self.load.open(), 0);
  self.count = 20;
  self.time += 1000;
  assert.equal(self.load.open(), 0);
  self.time += 1000;
  assert.equal(self.load.arrived(), 0);
  assert.equal(self.load.arrived(), 0);
  [self.count, exact] = [21, 1];
  self.time += 1000;
  assert.equal(self.load.arrived(), 1);
});

test("native load: where the runtime tells it is believed", () => {
  const self = files();
  let told = 0;
  using _one = self.load.add({ open: () => told, cheap: true });
  self.looks = 0;
  [self.count, told] = [40, 5];
  self.time += 1000;
  assert.equal(self.load.open(), 5);
  assert.equal(self.looks, 0);
  // With another server whose connections nobody tells.
  let exact = 0;
  using _two = self.load.add({ open: () => exact, cheap: false });
  self.time += 1;
  [self.count, told, exact] = [44, 7, 2];
  assert.equal(self.load.open(), 9);
});

test("native load: costly looks are rare", () => {
  const self = files();
  using _one = self.load.add({ open: () => 0, cheap: false });
  self.looks = 0;
  const end = self.time + 1000;
  while (self.time < end) {
    self.load.open();
    self.time += 0.01;
  }
  assert.ok(self.looks * 0.002 < 30, `${self.looks} looks`);
});

test("native load: an interrupted look does not count as a costly one", () => {
  let time = 0;
  let took = 0.002;
  let count = 20;
  const load = createNativeLoad(
    () => {
      time += took;
      return count;
    },
    () => time,
  );
  using _one = load.add({ open: () => count - 20, cheap: false });
  time += 1;
  took = 50;
  load.open();
  took = 0.002;
  count = 21;
  time += 1;
  assert.equal(load.open(), 1);
});
