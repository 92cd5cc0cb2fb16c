// The commands of the palette, and the menu behind the status bar item.

import * as vscode from 'vscode';
import type { Connection } from './connection';
import { output } from './executable';
import type { Explanation } from './explanation';
import { chooseModel, download, measureAndChoose, useFile } from './models';
import type { More } from './more';
import { FIX_PATH, INSTALL, offer, SHOW_LOG } from './notices';
import type { Offers } from './offers';
import type { Reports } from './reports';
import type { Status } from './status';
import type { Switch } from './switch';
import { inTerminal } from './terminal';
import { showWhy } from './why';

const SNOOZE_MINUTES = [5, 15, 60];

/** There is no program to run; the message says where it was looked for. */
export class NoProgram extends Error {
  constructor(
    message: string,
    readonly cures: readonly vscode.Command[] = [INSTALL, FIX_PATH],
  ) {
    super(message);
  }
}

/** What the commands work on; `program` throws an Error with the cure when there is none. */
export interface Parts {
  readonly connection: Connection;
  readonly offers: Offers;
  readonly more: More;
  readonly wanted: Switch;
  readonly reports: Reports;
  readonly status: Status;
  readonly channel: vscode.LogOutputChannel;
  readonly program: () => string;
  readonly restart: () => Promise<void>;
  readonly report: () => Promise<void>;
  readonly install: () => Promise<void>;
}

/** Register all commands; an error's sentence is shown. */
export function registerCommands(parts: Parts): vscode.Disposable[] {
  const { connection, offers, more, wanted, reports, status, channel, program, restart, report, install } = parts;
  const commands: Record<string, (argument?: unknown) => unknown> = {
    acceptWord: () => offers.acceptPart('acceptNextWord'),
    acceptLine: () => offers.acceptPart('acceptNextLine'),
    dismiss: () => (more.clear(), offers.dismiss()),
    trigger: () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
    more: () => more.show(),
    next: () => offers.step('showNext'),
    previous: () => offers.step('showPrevious'),
    toggleEverywhere: () => wanted.toggle(),
    toggleLanguage: () => wanted.toggleLanguage(language()),
    snooze: () => snooze(wanted),
    chooseModel: () => chooseModel(program()),
    measure: () => measureAndChoose(program()),
    useFile: () => useFile(program()),
    download: (name) => download(program(), String(name)),
    settings: () => vscode.commands.executeCommand('workbench.action.openSettings', '@ext:empower-lsp.empower-lsp'),
    explain: () => explain(connection, offers),
    report,
    logStats: () => reports.show(program(), 'Log Statistics'),
    logStatus: () => reports.show(program(), 'What Is Logged'),
    logLevel: () => chooseLevel(program()),
    logMetadata: () => setLevel(program(), 'Metadata only, no text'),
    logOff: () => setLevel(program(), 'Nothing'),
    train: () => void inTerminal(program(), 'train', 'train', '--from-log'),
    restart,
    install,
    fixPath: openPath,
    output: () => channel.show(true),
    walkthrough: openWalkthrough,
    menu: () => openMenu(status, wanted),
  };
  return Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(`empower.${name}`, async (argument) => {
      try {
        await run(argument);
      } catch (error) {
        if (!(error instanceof vscode.CancellationError)) {
          const cure = error instanceof NoProgram ? error.cures : [SHOW_LOG];
          void offer(vscode.window.showErrorMessage, error instanceof Error ? error.message : String(error), ...cure);
        }
      }
    }),
  );
}

/** Show what is logged, how to switch it off, and the keys. */
export async function openWalkthrough(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.openWalkthrough', 'empower-lsp.empower-lsp#start', false);
}

/** Open the setting of the program's path, which is one of the machine that the files are on. */
async function openPath(): Promise<void> {
  const query = 'empowerServer.path';
  await (vscode.env.remoteName
    ? vscode.commands.executeCommand('workbench.action.openRemoteSettings', { query })
    : vscode.commands.executeCommand('workbench.action.openSettings', query));
}

async function explain(connection: Connection, offers: Offers): Promise<void> {
  const why = await connection.ask<Explanation | null>('empower.why');
  if (why === undefined) {
    throw new Error('empower-lsp does not run, so there is nothing to explain; "Empower: Restart" starts it.');
  }
  showWhy(why, offers.before(why?.text ?? ''));
}

async function snooze(wanted: Switch): Promise<void> {
  const choices = SNOOZE_MINUTES.map((minutes) => ({ label: `${minutes} minutes`, minutes }));
  const chosen = await vscode.window.showQuickPick(choices, { title: 'No inline completions for' });
  if (chosen) {
    wanted.pause(chosen.minutes);
  }
}

const LEVELS: Record<string, readonly string[]> = {
  'Completions with their text, secrets redacted': ['on', '--level', 'full'],
  'Metadata only, no text': ['on', '--level', 'metadata'],
  Nothing: ['off'],
};

async function chooseLevel(program: string): Promise<void> {
  const chosen = await vscode.window.showQuickPick(Object.keys(LEVELS), { title: 'What is logged of your inline completions, on this machine' });
  if (chosen) {
    await setLevel(program, chosen);
  }
}

async function setLevel(program: string, level: string): Promise<void> {
  void vscode.window.showInformationMessage(await output(program, 'log', ...(LEVELS[level] ?? [])));
}

function language(): string {
  const editor = vscode.window.activeTextEditor;
  if (!editor) {
    throw new Error('Open a file of the language first.');
  }
  return editor.document.languageId;
}

const MENU = ['explain', 'chooseModel', 'measure', 'useFile', 'settings', 'report', 'logStats', 'logLevel', 'train', 'restart', 'output'];

/** State, model, and latency first, then what can be done; on or off as it is. */
async function openMenu(status: Status, wanted: Switch): Promise<void> {
  const all: { command: string; title: string }[] =
    vscode.extensions.getExtension('empower-lsp.empower-lsp')?.packageJSON.contributes.commands ?? [];
  const id = vscode.window.activeTextEditor?.document.languageId;
  const here = id === undefined ? [] : [{ label: `$(code) Turn ${wanted.isOnFor(id) ? 'Off' : 'On'} for ${id}`, command: 'empower.toggleLanguage' }];
  const chosen = await vscode.window.showQuickPick<vscode.QuickPickItem & { readonly command?: string }>(
    [
      ...status.lines().map((label) => ({ label, command: 'empower.output' })),
      { label: '', kind: vscode.QuickPickItemKind.Separator },
      { label: wanted.isOn ? '$(circle-slash) Turn Off' : '$(sparkle) Turn On', command: 'empower.toggleEverywhere' },
      ...here,
      { label: '$(clock) Snooze...', command: 'empower.snooze' },
      ...MENU.flatMap((name) => all.filter(({ command }) => command === `empower.${name}`)).map(({ command, title }) => ({ label: title, command })),
    ],
    { title: 'Empower' },
  );
  if (chosen?.command) {
    await vscode.commands.executeCommand(chosen.command);
  }
}
