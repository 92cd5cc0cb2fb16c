// Installs the server into a virtual environment of its own, after asking: `install_server.py` does it, and tells its steps.

import { execFile, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { environment } from './executable';

const PYTHONS = ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'py'];
const NEW_ENOUGH = 'import sys; sys.exit(sys.version_info < (3, 11))';
const STEP = '== ';
/** Between asking the processes to end and ending them. */
const GRACE_MS = 5000;

/** What is installed, and where from. */
export interface Wanted {
  /** The virtual environment to make. */
  readonly into: string;
  /** The folder of this package that has the server. */
  readonly shipped: string;
  /** What the person set: a requirement, a path, an extra in brackets; empty for the server of this package. */
  readonly requirement: string;
  /** A package index of built llama.cpp; empty to compile. */
  readonly prebuilt: string;
}

/** Make the environment and install the server into it. Throws an Error with a sentence for the person. */
export async function install(wanted: Wanted, channel: vscode.LogOutputChannel): Promise<void> {
  const python = await findPython();
  if (!python) {
    throw new Error('Python 3.11 or newer was not found on the PATH. Install it, then run "Empower: Install the Server" again.');
  }
  const args = ['-I', join(wanted.shipped, 'install_server.py'), wanted.into, '--server', server(wanted), '--prebuilt', wanted.prebuilt];
  const options = { location: vscode.ProgressLocation.Notification, title: 'Installing empower-lsp', cancellable: true };
  await vscode.window.withProgress(options, async (progress, token) => {
    const began = Date.now();
    let step = 'Starting';
    const tick = (): void => progress.report({ message: `${step} (${elapsed(Date.now() - began)})` });
    const timer = setInterval(tick, 1000);
    try {
      await watched(python, args, token, (line) => {
        channel.info(line);
        if (line.startsWith(STEP)) {
          step = line.slice(STEP.length);
          tick();
        }
      });
    } finally {
      clearInterval(timer);
    }
  });
}

/** What pip is to install. */
function server({ shipped, requirement }: Wanted): string {
  const wheel = readdirSync(shipped).find((name) => name.endsWith('.whl'));
  if (requirement && !requirement.startsWith('[')) {
    return requirement;
  }
  if (!wheel) {
    throw new Error('This package was built without the server; name one in the setting empowerServer.requirement.');
  }
  return `${join(shipped, wheel)}${requirement}`;
}

async function findPython(): Promise<string | undefined> {
  for (const name of PYTHONS) {
    try {
      await promisify(execFile)(name, ['-I', '-c', NEW_ENOUGH]);
      return name;
    } catch {
      // not there, or too old: the next one may do
    }
  }
  return undefined;
}

function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Run a program to its end, and tell each line it prints; cancelled, it ends with all that it has started. */
function watched(program: string, args: string[], token: vscode.CancellationToken, tell: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const posix = process.platform !== 'win32';
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: posix, env: environment() }); // a group of its own
    let said = '';
    createInterface({ input: child.stdout }).on('line', tell);
    createInterface({ input: child.stderr }).on('line', (line) => {
      said = line.trim() || said;
      tell(line);
    });
    const end = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) {
        return;
      }
      if (posix) {
        try {
          process.kill(-child.pid, signal);
        } catch {
          // it has ended
        }
      } else {
        spawn('taskkill', ['/pid', String(child.pid), '/t', '/f']);
      }
    };
    let last: NodeJS.Timeout | undefined;
    const cancelled = token.onCancellationRequested(() => {
      end('SIGTERM'); // what compiles ends what it has started, and what was written is removed
      last = setTimeout(() => end('SIGKILL'), GRACE_MS);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      cancelled.dispose();
      clearTimeout(last);
      if (token.isCancellationRequested) {
        reject(new vscode.CancellationError());
      } else if (code === 0) {
        resolve();
      } else {
        reject(new Error(`The installation did not work. ${said || `${program} ended with ${code}.`}`));
      }
    });
  });
}
