// The report that `empower-lsp report` writes, beside the editor: shown here, since a browser would not reach a file of a remote folder.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { output } from './executable';
import { Panel } from './panel';

const panel = new Panel('empower.report', 'Empower Report');

/** Write the report anew into a folder, and show it. Throws an Error with the program's own sentence when it cannot. */
export async function showReport(program: string, folder: string): Promise<void> {
  const file = join(folder, 'report.html');
  await mkdir(folder, { recursive: true });
  const options = { location: vscode.ProgressLocation.Window, title: 'Empower: writing the report' };
  await vscode.window.withProgress(options, () => output(program, 'report', '--out', file));
  panel.show(await readFile(file, 'utf8'));
}
