// Runs a command of the program in a terminal, where its progress is seen and it can be interrupted.

import * as vscode from 'vscode';

/** The exit code of the command; undefined when it was ended. */
export async function inTerminal(program: string, name: string, ...args: string[]): Promise<number | undefined> {
  const scope = vscode.workspace.workspaceFolders?.[0] ?? vscode.TaskScope.Workspace;
  const task = new vscode.Task({ type: 'empower' }, scope, name, 'Empower', new vscode.ProcessExecution(program, args, { env: { PYTHONPATH: '' } }));
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: false };
  const running = await vscode.tasks.executeTask(task);
  return new Promise((resolve) => {
    const listener = vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
      if (execution === running) {
        listener.dispose();
        resolve(exitCode);
      }
    });
  });
}
