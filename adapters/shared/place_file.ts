/**
 * Writes a file in one step, which nobody else can write to.
 *
 * @module
 */

import { renameSync, unlinkSync, writeFileSync } from "node:fs";
import process from "node:process";

/**
 * Writes a line: beside the file first, so that who reads it finds the old text
 * or the new one. Without a text the file is removed.
 *
 * @throws {Error} with `code`, what the system says; nothing has changed then
 */
export function placeFile(file: string, text: string | undefined): void {
  if (text === undefined) return unlinkSync(file);
  const beside = `${file}.${process.pid}`;
  try {
    writeFileSync(beside, `${text}\n`, { mode: 0o644 });
    renameSync(beside, file);
  } catch (error) {
    try {
      unlinkSync(beside);
    } catch {
      // It was not even begun.
    }
    throw error;
  }
}
