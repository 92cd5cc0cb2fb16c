// The commands of the palette, and the menu behind the status bar item.

import * as vscode from 'vscode';
import type { Connection } from './connection';
import { output } from './executable';
import type { Explanation, ServerStatus } from './explanation';
import { chooseModel } from './models';
import type { Offers } from './offers';
import type { Reports } from './reports';
import type { Switch } from './switch';
import { inTerminal } from './terminal';
import { showWhy } from './why';

const PAUSE_MINUTES = 60;

/** What the commands work on; `program` throws an Error with the cure when there is none. */
export interface Parts {
  readonly connection: Connection;
  readonly offers: Offers;
  readonly wanted: Switch;
  readonly reports: Reports;
  readonly channel: vscode.LogOutputChannel;
  readonly program: () => string;
  readonly restart: () => Promise<void>;
  readonly report: () => Promise<void>;
  readonly install: () => Promise<void>;
}

/** Register all commands; an error's sentence is shown. */
export function registerCommands(parts: Parts): vscode.Disposable[] {
  const { connection, offers, wanted, reports, channel, program, restart, report, install } = parts;
  const commands: Record<string, () => unknown> = {
    acceptWord: () => offers.acceptPart('acceptNextWord'),
    acceptLine: () => offers.acceptPart('acceptNextLine'),
    dismiss: () => offers.dismiss(),
    trigger: () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
    next: () => offers.step('showNext'),
    previous: () => offers.step('showPrevious'),
    toggleEverywhere: () => wanted.toggle(),
    toggleLanguage: () => wanted.toggleLanguage(language()),
    pause: () => wanted.pause(PAUSE_MINUTES),
    chooseModel: () => chooseModel(program()),
    explain: () => explain(connection),
    report,
    logStats: () => reports.show(program(), 'Log Statistics'),
    logStatus: () => reports.show(program(), 'What Is Logged'),
    logLevel: () => chooseLevel(program()),
    train: () => void inTerminal(program(), 'train', 'train', '--from-log'),
    restart,
    install,
    output: () => channel.show(true),
    walkthrough: openWalkthrough,
    menu: openMenu,
  };
  return Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(`empower.${name}`, async () => {
      try {
        await run();
      } catch (error) {
        if (!(error instanceof vscode.CancellationError)) {
          void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
        }
      }
    }),
  );
}

/** Show what is logged, how to switch it off, and the keys. */
export async function openWalkthrough(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.openWalkthrough', 'empower-lsp.empower-lsp#start', false);
}

async function explain(connection: Connection): Promise<void> {
  const [why, status] = [await connection.ask<Explanation | null>('empower.why'), await connection.ask<ServerStatus>('empower.status')];
  if (!status) {
    throw new Error('empower-lsp does not run, so there is nothing to explain; "Empower: Restart" starts it.');
  }
  showWhy(why ?? null, status.confidence);
}

const LEVELS: Record<string, readonly string[]> = {
  'Completions with their text, secrets redacted': ['on', '--level', 'full'],
  'Metadata only, no text': ['on', '--level', 'metadata'],
  Nothing: ['off'],
};

async function chooseLevel(program: string): Promise<void> {
  const chosen = await vscode.window.showQuickPick(Object.keys(LEVELS), { title: 'What is logged of your inline completions, on this machine' });
  const args = chosen && LEVELS[chosen];
  if (args) {
    void vscode.window.showInformationMessage(await output(program, 'log', ...args));
  }
}

function language(): string {
  const editor = vscode.window.activeTextEditor;
  if (!editor) {
    throw new Error('Open a file of the language first.');
  }
  return editor.document.languageId;
}

const MENU = ['toggleEverywhere', 'toggleLanguage', 'pause', 'explain', 'chooseModel', 'report', 'logStats', 'logLevel', 'train', 'restart', 'output'];

async function openMenu(): Promise<void> {
  const all: { command: string; title: string }[] =
    vscode.extensions.getExtension('empower-lsp.empower-lsp')?.packageJSON.contributes.commands ?? [];
  const choices = MENU.flatMap((name) => all.filter(({ command }) => command === `empower.${name}`));
  const chosen = await vscode.window.showQuickPick(
    choices.map(({ command, title }) => ({ label: title, command })),
    { title: 'Empower' },
  );
  if (chosen) {
    await vscode.commands.executeCommand(chosen.command);
  }
}
