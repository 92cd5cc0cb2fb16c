// What the server says in words, with the buttons that do something about it.

import * as vscode from 'vscode';
import { MessageType, ShowMessageNotification, type LanguageClient } from 'vscode-languageclient/node';

/** Say something, and run the command that is chosen. */
export async function offer(
  say: (message: string, ...items: string[]) => Thenable<string | undefined>,
  message: string,
  ...choices: readonly vscode.Command[]
): Promise<void> {
  const chosen = await say(message, ...choices.map((choice) => choice.title));
  const choice = choices.find(({ title }) => title === chosen);
  if (choice) {
    await vscode.commands.executeCommand(choice.command, ...(choice.arguments ?? []));
  }
}

export const SHOW_LOG: vscode.Command = { title: 'Show Log', command: 'empower.output' };
export const INSTALL: vscode.Command = { title: 'Install', command: 'empower.install' };
export const FIX_PATH: vscode.Command = { title: 'Fix Path', command: 'empower.fixPath' };
export const CHOOSE: vscode.Command = { title: 'Choose Model', command: 'empower.chooseModel' };
export const MEASURE: vscode.Command = { title: 'Measure and Choose', command: 'empower.measure' };
const LOGGED: readonly vscode.Command[] = [
  { title: 'Show', command: 'empower.logStatus' },
  { title: 'Metadata Only', command: 'empower.logMetadata' },
  { title: 'Off', command: 'empower.logOff' },
];

/** What helps against what a message of the server says, most fitting first. */
export function cures(message: string): vscode.Command[] {
  const pull = /`empower-lsp model pull ([^`]+)`/.exec(message)?.[1];
  const download = pull ? [{ title: 'Download', command: 'empower.download', arguments: [pull] }] : [];
  return [...download, ...(/model|memory|context/i.test(message) ? [CHOOSE] : []), SHOW_LOG];
}

/** Show the messages of a server that is about to be started. */
export function sayWhatItSays(client: LanguageClient): void {
  client.onNotification(ShowMessageNotification.type, ({ type, message }) => {
    if (type === MessageType.Error) {
      void offer(vscode.window.showErrorMessage, message, ...cures(message));
    } else if (type === MessageType.Warning) {
      void offer(vscode.window.showWarningMessage, message, ...cures(message));
    } else {
      void offer(vscode.window.showInformationMessage, message, ...(message.includes('`empower-lsp log off`') ? LOGGED : []));
    }
  });
}
