/**
 * Test files that share one process of `deno test`, and with it the modules that
 * they import: Deno would load all of these anew for each file, which takes most
 * of the time of a small one. Their names are its arguments.
 */

import { runner, test } from "./harness.ts";
import { beginFile } from "./harness_deno.ts";

const files = runner === "deno" ? Deno.args : [];
for (const file of files) {
  beginFile(file);
  try {
    await import(new URL(`../${file}`, import.meta.url).href);
  } catch (error) {
    // The others can be tested.
    test("(the file is loaded)", () => {
      throw error;
    });
  }
}
