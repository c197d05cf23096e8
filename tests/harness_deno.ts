import type { Api, Body } from "./harness.ts";

/**
 * A suite. `Deno.test` is flat, so every test walks the suites around it. Deno
 * has `node:test` too, but there a module that throws after its first test and
 * a test that calls `process.exit(0)` both come out green (Deno 2.9).
 */
interface Suite {
  /** The name, with those of the suites around it in front. */
  readonly prefix: string;
  /** The suites from the outermost to this one. */
  readonly path: readonly Suite[];
  readonly beforeAll: Body[];
  readonly afterAll: Body[];
  readonly beforeEach: Body[];
  readonly afterEach: Body[];
  /** Tests that have not ended yet. */
  open: number;
  /** The run of `beforeAll`, shared by every test: all fail when it does. */
  begun?: Promise<void>;
}

/** The suite that what is declared belongs to: that of the file, or one in it. */
let current: Suite = suite("", []);

/** From here on, what is declared is of one file of several; it has its name. */
export function beginFile(file: string): void {
  current = suite(`${file}${OF_FILE}`, []);
}

/** Stands between the name of a file and that of a test, as in `scripts/lib`. */
const OF_FILE = " # ";

/** The harness on `deno test`. */
export function onDeno(hookTimeout: number): Promise<Api> {
  const runHooks = async (hooks: readonly Body[]): Promise<void> => {
    for (const hook of hooks) await within(hookTimeout, hook);
  };

  const enter = async (path: readonly Suite[]): Promise<void> => {
    for (const s of path) await (s.begun ??= runHooks(s.beforeAll));
    for (const s of path) await runHooks(s.beforeEach);
  };
  const leave = async (path: readonly Suite[]): Promise<void> => {
    const inside = path.toReversed();
    const failures: unknown[] = [];
    const attempt = (hooks: readonly Body[]): Promise<void> =>
      runHooks(hooks).catch((error) => void failures.push(error));
    for (const s of inside) await attempt(s.afterEach);
    for (const s of inside) {
      s.open -= 1;
      if (s.open === 0) await attempt(s.afterAll);
    }
    if (failures.length > 0) throw failures[0];
  };

  const api: Api = {
    test: (name, timeout, body) => {
      const { prefix, path } = current;
      for (const s of path) s.open += 1;
      Deno.test(prefix + name, async () => {
        try {
          await enter(path);
          await within(timeout, body);
        } catch (error) {
          // The test's own failure says more than a hook's after it.
          await leave(path).catch(() => {});
          throw error;
        }
        await leave(path);
      });
    },
    skip: (name, body) => Deno.test.ignore(current.prefix + name, body),
    describe: (name, define) => {
      const outer = current;
      current = suite(`${outer.prefix}${name} > `, outer.path);
      try {
        define();
      } finally {
        current = outer;
      }
    },
    beforeAll: (hook) => void current.beforeAll.push(hook),
    afterAll: (hook) => void current.afterAll.push(hook),
    beforeEach: (hook) => void current.beforeEach.push(hook),
    afterEach: (hook) => void current.afterEach.push(hook),
  };
  return Promise.resolve(api);
}

function suite(prefix: string, around: readonly Suite[]): Suite {
  const path: Suite[] = [...around];
  const made: Suite = {
    prefix,
    path,
    beforeAll: [],
    afterAll: [],
    beforeEach: [],
    afterEach: [],
    open: 0,
  };
  path.push(made);
  return made;
}

/** Runs something that has to end in time: `Deno.test` has no such limit. */
async function within(ms: number, body: Body): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Cannot wait any longer: ${ms} ms have passed`)),
      ms,
    );
  });
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}
