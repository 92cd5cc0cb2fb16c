// Where the server's console script is, and running its other commands. Never `python -m`: that imports the workspace's modules first.

import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const WINDOWS = process.platform === 'win32';
const NAME = WINDOWS ? 'empower-lsp.exe' : 'empower-lsp';
const ENVIRONMENTS = ['.venv', 'venv', 'env'];

/** Where to look, most wanted first. */
export interface Places {
  /** What the person set; nothing else counts then. */
  readonly set: string;
  /** The variable PATH. */
  readonly path: string;
  /** Folders of the workspace whose programs may be run. */
  readonly folders: readonly string[];
  /** The virtual environment that this extension makes. */
  readonly own: string;
}

/** A program in a virtual environment. */
export function inEnvironment(environment: string, name = NAME): string {
  return join(environment, WINDOWS ? 'Scripts' : 'bin', name);
}

/** The server's console script; undefined when there is none. */
export function find(places: Places): string | undefined {
  if (places.set) {
    const set = expanded(places.set);
    return isFile(set) ? set : undefined;
  }
  const onPath = places.path.split(delimiter).filter(Boolean).map((folder) => join(folder, NAME));
  const inWorkspace = places.folders.flatMap((folder) => ENVIRONMENTS.map((name) => inEnvironment(join(folder, name))));
  return [...onPath, ...inWorkspace, inEnvironment(places.own)].find(isFile);
}

/** A path as a person writes it, with `~` for the home folder. */
export function expanded(path: string): string {
  return path === '~' || /^~[\\/]/.test(path) ? join(homedir(), path.slice(1)) : path;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The environment of a program in Python: a `types.py` on the person's PYTHONPATH would end it before it begins. */
export function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: '', ...more };
}

/** What a command of the program prints. Throws an Error with its own sentence when it fails. */
export async function output(program: string, ...args: string[]): Promise<string> {
  const env = environment({ COLUMNS: '100', NO_COLOR: '1', PYTHONUTF8: '1' });
  try {
    return (await promisify(execFile)(program, args, { env })).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').pop()?.replace(/^Error: /, '');
    throw new Error(said || `${program} ${args.join(' ')} did not work: ${String(error)}`);
  }
}
