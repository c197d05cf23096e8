/**
 * What came of something, so that it can be compared.
 *
 * @module
 */

import { inspect } from "node:util";

/** Runs something; what it returns or throws, as text. */
export async function outcomeOf(run: () => unknown): Promise<string> {
  try {
    return `gives ${await shown(await run())}`;
  } catch (error) {
    const { name, message } = error as Error;
    const kind = (error as object).constructor.name;
    return `throws ${kind} ${name}: ${steady(message)}`;
  }
}

/** Runs things one after the other. */
export async function outcomesOf(
  runs: readonly (() => unknown)[],
): Promise<string[]> {
  const outcomes: string[] = [];
  for (const run of runs) outcomes.push(await outcomeOf(run));
  return outcomes;
}

async function shown(value: unknown): Promise<string> {
  if (value instanceof Blob) {
    return `Blob ${steady(value.type)} ${steady(await value.text())}`;
  }
  if (value instanceof FormData) return steady(inspect([...value]));
  return steady(inspect(value, { depth: 4 }));
}

/** The boundary of form data is a random one. */
function steady(text: string): string {
  return text.replace(/formdata-\S*?-0\d+/g, "formdata");
}

/** All chunks of a stream, as they come. */
export async function chunksOf(
  body: ReadableStream<Uint8Array> | null,
): Promise<unknown> {
  if (body === null) return null;
  const chunks: string[] = [];
  for await (const chunk of body) {
    chunks.push(`${chunk.constructor.name} ${[...chunk]}`);
  }
  return chunks;
}
