/**
 * One file of declarations for an entry.
 *
 * Runs once, under vitest: it builds texts.
 */
import assert from "node:assert/strict";
import { bundleDeclarations } from "../../scripts/lib/declarations.ts";
import { inLines } from "../../scripts/lib/bundle.ts";
import { describe, test } from "../harness.ts";

function bundled(files: Readonly<Record<string, string>>): string {
  return bundleDeclarations("mod.ts", (file) => files[file]!);
}

describe("declarations of an entry", () => {
  test("have what it exports and what that needs, and nothing else", () => {
    assert.equal(
      bundled({
        "mod.ts":
          `/** Head. @module */\nexport { Pool, type Size as Extent } from "./a/pool.ts";\n`,
        "a/pool.ts": `/** A file. @module */
import type { Server } from "node:net";
import { type Options, Base } from "../b.ts";
/** Not here. */
export interface Unused {}
/** A pool. */
export declare class Pool extends Base {
    #private;
    readonly Options: Options;
    run(Size: typeof LIMIT): asserts Size is Size;
    get [LIMIT](): Server;
}
declare const LIMIT: unique symbol;
export type Size = number;
`,
        "b.ts": `/** Options. */
export interface Options { readonly size: Size }
type Size = string;
export declare class Base {}
`,
      }),
      `/** Head. @module */
import type { Server } from "node:net";
/** A pool. */
export declare class Pool extends Base {
    #private;
    readonly Options: Options;
    run(Size: typeof LIMIT): asserts Size is Extent;
    get [LIMIT](): Server;
}
export type Extent = number;
declare class Base {}
/** Options. */
interface Options { readonly size: Size }
declare const LIMIT: unique symbol;
type Size = string;
export {};
`,
    );
  });

  test("keep all forms of a function, and both names of one thing", () => {
    assert.equal(
      bundled({
        "mod.ts": `export declare function f(a: string): A;
export declare function f(a: number): B;
export { f as g };
type A = 1;
type B = 2;
`,
      }),
      `export declare function f(a: string): A;
export declare function f(a: number): B;
type A = 1;
type B = 2;
export { f as g };
`,
    );
  });

  test("do not take a global for something of ours", () => {
    assert.throws(
      () =>
        bundled({
          "mod.ts":
            `export { type Mine } from "./a.ts";\nexport declare const theirs: Request;\n`,
          "a.ts":
            `export interface Mine { readonly a: Request }\ninterface Request {}\n`,
        }),
      /both called Request/,
    );
  });
});

test("each statement of code without spaces has its line, and texts stay", () => {
  const code = [
    "#!/usr/bin/env node",
    "function f(a){class C{#b=1;get(){return this.#b}static{C.d=2}}" +
    "if(a){a+=new C().get();for(;;){break}}switch(a){case 2:{a+=C.d}}return`",
    "\tone ${[1].map(()=>{a++;return a})}",
    "\t\ttwo;{three}`+a}",
  ].join("\n");
  const lines = inLines(code);
  const run = (text: string): unknown =>
    new Function(`${text.slice(text.indexOf("\n"))};return f(1)`)();
  assert.equal(run(lines), run(code));
  assert.equal(lines.replaceAll("\n", ""), code.replaceAll("\n", ""));
  assert.deepEqual(lines.split("\n"), [
    "#!/usr/bin/env node",
    "function f(a){",
    "class C{",
    "#b=1;",
    "get(){",
    "return this.#b}",
    "static{",
    "C.d=2}}",
    "if(a){",
    "a+=new C().get();",
    "for(;;){",
    "break}}",
    "switch(a){case 2:{",
    "a+=C.d}}",
    "return`",
    "\tone ${[1].map(()=>{",
    "a++;",
    "return a})}",
    "\t\ttwo;{three}`+a}",
  ]);
});
