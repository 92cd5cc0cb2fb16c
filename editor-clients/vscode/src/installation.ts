// Installs the server with pip into a virtual environment of its own, after asking.

import { execFile, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { inEnvironment } from './executable';

const PYTHONS = ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'py'];
const NEW_ENOUGH = 'import sys; sys.exit(sys.version_info < (3, 11))';

/** Make the environment and install `requirement` into it. Throws an Error with a sentence for the person. */
export async function install(environment: string, requirement: string, channel: vscode.LogOutputChannel): Promise<void> {
  const python = await findPython();
  if (!python) {
    throw new Error('Python 3.11 or newer was not found on the PATH. Install it, then run "Empower: Install the Server" again.');
  }
  await mkdir(dirname(environment), { recursive: true });
  const options = { location: vscode.ProgressLocation.Notification, title: 'Installing empower-lsp', cancellable: true };
  await vscode.window.withProgress(options, async (progress, token) => {
    const run = (program: string, ...args: string[]) =>
      watched(program, args, dirname(environment), token, (line) => {
        channel.info(line);
        progress.report({ message: line.slice(0, 80) });
      });
    await run(python, '-I', '-m', 'venv', '--clear', environment);
    const pip = inEnvironment(environment, process.platform === 'win32' ? 'pip.exe' : 'pip');
    await run(pip, 'install', '--disable-pip-version-check', '--progress-bar=off', requirement);
  });
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

/** Run a program to its end, and tell each line it prints. */
function watched(
  program: string,
  args: string[],
  cwd: string,
  token: vscode.CancellationToken,
  tell: (line: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said = /error/i.test(line) || !said ? line.trim() : said;
        tell(line.trim());
      });
    }
    const cancelled = token.onCancellationRequested(() => child.kill());
    child.on('error', reject);
    child.on('close', (code) => {
      cancelled.dispose();
      if (token.isCancellationRequested) {
        reject(new vscode.CancellationError());
      } else if (code === 0) {
        resolve();
      } else {
        reject(new Error(`The installation did not work: ${said || `${program} ended with ${code}`}. The output has all of it.`));
      }
    });
  });
}
