// Puts the parts together: finds the server or offers to install it, and starts it.

import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { NoProgram, openWalkthrough, registerCommands } from './commands';
import { Connection } from './connection';
import { Deep } from './deep';
import { expanded, find, type Places } from './executable';
import type { Explanation, ServerStatus } from './explanation';
import { install } from './installation';
import { More } from './more';
import { CHOOSE, FIX_PATH, INSTALL, MEASURE, offer, SHOW_LOG } from './notices';
import { Offers } from './offers';
import { Patience } from './patience';
import { showReport } from './report';
import { Reports } from './reports';
import { asState, Status } from './status';
import { Switch } from './switch';
import { followWhy } from './why';

const missing = (set: string): string =>
  set
    ? `The setting empowerServer.path names ${expanded(set)}, and there is no such program.`
    : 'empower-lsp, the program that computes inline completions, was not found.';
const SETTLED_MS = 300;
const WELCOMED = 'welcomed';

let connection: Connection | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const channel = vscode.window.createOutputChannel('Empower', { log: true });
  const wanted = new Switch(context.globalState);
  const status = new Status((language) => wanted.why(language));
  const offers = new Offers(async (method, params) => connection?.tell(method, params));
  const deep = new Deep(async (method, params) => connection?.tell(method, params), (read, toRead) => status.reading(read, toRead));
  const refresh = refresher(status, offers);
  const more = new More(
    async (document, position) => (wanted.why(document.languageId) === undefined ? ((await connection?.more(document, position)) ?? []) : []),
    (sure) => status.beyond(sure),
  );
  const reports = new Reports();
  const patience = new Patience(context.globalState);
  const own = join(context.globalStorageUri.fsPath, 'server');
  connection = new Connection(channel, middleware({ wanted, offers, more, status, patience, deep, refresh }), (state) => status.show(state), refresh, (client) => deep.follow(client));

  const start = async (): Promise<void> => {
    const program = find(places(own));
    if (program) {
      await connection?.start(program);
    } else {
      await connection?.stop();
      const set = places(own).set;
      const [cure, more] = set ? [FIX_PATH, INSTALL] : [INSTALL, FIX_PATH];
      status.show({ kind: 'error', message: `${missing(set)} Click to mend it.`, cure });
      void offer(vscode.window.showInformationMessage, `${missing(set)} ${INSTALLING}`, cure, more);
    }
    void vscode.commands.executeCommand('setContext', 'empower.installed', program !== undefined);
  };
  const parts = {
    ...{ connection, offers, more, wanted, reports, status, channel, restart: start },
    program: () => programOrError(own),
    report: () => showReport(programOrError(own), context.globalStorageUri.fsPath),
    install: () => installed(context, own, channel, start),
  };
  context.subscriptions.push(
    ...[channel, wanted, status, reports, deep, more, connection, ...registerCommands(parts)],
    wanted.onDidChange(() => status.render()),
    vscode.window.onDidChangeActiveTextEditor(() => status.render()),
    vscode.workspace.onDidGrantWorkspaceTrust(start),
    vscode.workspace.onDidChangeConfiguration((change) => {
      status.render();
      void (change.affectsConfiguration('empowerServer.path') && start());
    }),
  );
  if (!context.globalState.get(WELCOMED, false)) {
    await context.globalState.update(WELCOMED, true);
    void openWalkthrough();
  }
  await start();
}

export async function deactivate(): Promise<void> {
  await connection?.stop();
}

const INSTALLING =
  'Install it into a private virtual environment? It takes a minute where a llama.cpp that others have built runs, and else some minutes.';

function places(own: string): Places {
  const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
  return {
    set: vscode.workspace.getConfiguration('empowerServer').get('path', ''),
    path: process.env.PATH ?? '',
    folders: folders.filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath),
    own,
  };
}

function programOrError(own: string): string {
  const program = find(places(own));
  if (!program) {
    throw new NoProgram(missing(places(own).set));
  }
  return program;
}

async function installed(context: vscode.ExtensionContext, own: string, channel: vscode.LogOutputChannel, start: () => Promise<void>): Promise<void> {
  const settings = vscode.workspace.getConfiguration('empowerServer');
  try {
    await install(
      {
        into: own,
        shipped: context.asAbsolutePath('server'),
        requirement: settings.get('requirement', ''),
        prebuilt: settings.get('prebuilt', ''),
      },
      channel,
    );
  } catch (error) {
    if (error instanceof Error && !(error instanceof vscode.CancellationError)) {
      void offer(vscode.window.showErrorMessage, error.message, SHOW_LOG);
    }
    return;
  }
  if (settings.get('path', '')) {
    await settings.update('path', undefined, vscode.ConfigurationTarget.Global); // what was installed is used
  }
  await start();
  const larger = 'Others are larger and know more languages: which one fits this machine takes some seconds to measure.';
  void offer(vscode.window.showInformationMessage, `empower-lsp is installed, with a small model, at its best in Python. ${larger}`, MEASURE, CHOOSE);
}

type Refresh = (roundTripMs?: number) => void;

/** Asks the server, once requests have settled, what it is doing and what the last completion took. */
function refresher(status: Status, offers: Offers): Refresh {
  let timer: NodeJS.Timeout | undefined;
  return (roundTripMs) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const server = await connection?.ask<ServerStatus>('empower.status');
      if (server) {
        status.show(asState(server));
      }
      const why = roundTripMs === undefined ? undefined : await connection?.ask<Explanation | null>('empower.why');
      if (why && roundTripMs !== undefined) {
        status.measured(why, roundTripMs);
        followWhy(why, offers.before(why.text));
      }
    }, SETTLED_MS);
  };
}

interface Watchers {
  readonly wanted: Switch;
  readonly offers: Offers;
  readonly more: More;
  readonly status: Status;
  readonly patience: Patience;
  readonly deep: Deep;
  readonly refresh: Refresh;
}

/** What happens around the messages of the language client. */
function middleware({ wanted, offers, more, status, patience, deep, refresh }: Watchers): Middleware {
  return {
    provideInlineCompletionItems: async (document, position, context, token, next) => {
      if (wanted.why(document.languageId) !== undefined) {
        return [];
      }
      const { version } = document;
      const began = performance.now();
      token.onCancellationRequested(() => {
        if (document.version === version) {
          void patience.cancelled(performance.now() - began);
        }
      });
      const triggerKind = deep.isAsking ? vscode.InlineCompletionTriggerKind.Automatic : context.triggerKind;
      const answer = more.taken(document, position) ?? (await next(document, position, { ...context, triggerKind }, token));
      if (!token.isCancellationRequested) {
        const byHand = triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
        const items = (Array.isArray(answer) ? answer : answer?.items) ?? [];
        offers.answered(document, position, items, byHand);
        more.answered(position, items);
        refresh(performance.now() - began);
      }
      return answer;
    },
    handleWorkDoneProgress: (token, progress, next) => {
      if (progress.kind === 'begin') {
        status.show({ kind: 'loading', message: progress.title });
      } else if (progress.kind === 'end') {
        refresh();
      }
      next(token, progress);
    },
  };
}
