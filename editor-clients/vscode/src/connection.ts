// The life of the server: started, asked, restarted when it ended unexpectedly, which is said once.

import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  type InlineCompletionList,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  RevealOutputChannelOn,
  State as ClientState,
} from 'vscode-languageclient/node';
import { environment } from './executable';
import { offer, sayWhatItSays, SHOW_LOG } from './notices';
import type { State } from './status';

const MORE = 'textDocument/moreInlineCompletion';
const WINDOW_MS = 3 * 60_000;
const MOST_ENDS = 4;
/** A program that has not answered for so long is no longer waited for when another one is to be started. */
const START_MS = 10_000;
const RESTART: vscode.Command = { title: 'Restart', command: 'empower.restart' };

export class Connection implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private ends: number[] = [];
  private told = false;
  private turns = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly channel: vscode.LogOutputChannel,
    private readonly middleware: Middleware,
    private readonly show: (state: State) => void,
    private readonly onRunning: () => void,
    private readonly follow: (client: LanguageClient) => void,
  ) {}

  /**
   * Start the program; the one that runs is stopped first. One that is still starting cannot be stopped, and would
   * register its commands later: so starts take turns, and of several that wait only the last one is made.
   */
  async start(program: string): Promise<void> {
    const turn = ++this.turns;
    const begun = this.last.then(() => (turn === this.turns ? this.begin(program) : undefined));
    this.last = begun.catch(() => undefined);
    await begun;
  }

  private async begin(program: string): Promise<void> {
    await this.stop();
    this.ends = [];
    this.show({ kind: 'starting', message: `Starting ${program}` });
    const server = { command: program, args: ['--stdio'], options: { env: environment() } };
    const client: LanguageClient = new LanguageClient('empower', 'Empower', server, this.options(() => client === this.client));
    this.client = client;
    sayWhatItSays(client);
    this.follow(client);
    client.onDidChangeState(({ newState }) => {
      if (newState === ClientState.Running && client === this.client) {
        this.onRunning();
      }
    });
    const started = client.start().catch((error: unknown) => {
      this.channel.error(String(error));
      if (client === this.client) {
        this.show({ kind: 'error', message: `${program} does not start; the output says why.`, cure: SHOW_LOG });
      }
    });
    await Promise.race([started, new Promise((resolve) => setTimeout(resolve, START_MS))]);
  }

  /** What a command of the server answers; undefined while there is no server. */
  async ask<T>(command: string, ...args: unknown[]): Promise<T | undefined> {
    if (!this.client?.isRunning()) {
      return undefined;
    }
    return this.client.sendRequest(ExecuteCommandRequest.type, { command, arguments: args }) as Promise<T>;
  }

  /** The completion at a place with the rest of the statement; none while there is no server. */
  async more(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.InlineCompletionItem[]> {
    const client = this.client;
    if (!client?.isRunning()) {
      return [];
    }
    const { code2ProtocolConverter: code, protocol2CodeConverter: protocol } = client;
    const at = { textDocument: code.asTextDocumentIdentifier(document), position: code.asPosition(position) };
    const answer = await protocol.asInlineCompletionResult(await client.sendRequest<InlineCompletionList>(MORE, at));
    return Array.isArray(answer) ? answer : (answer?.items ?? []);
  }

  /** Send a notification, if there is a server to hear it. */
  async tell(method: string, params: object): Promise<void> {
    if (this.client?.isRunning()) {
      await this.client.sendNotification(method, params);
    }
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.needsStop()) {
      await client.stop().catch((error: unknown) => this.channel.warn(String(error)));
    }
    await client?.dispose().catch(() => undefined);
  }

  dispose(): void {
    void this.stop();
  }

  /** `isCurrent` tells whether the client is still wanted: one that was stopped may end late. */
  private options(isCurrent: () => boolean): LanguageClientOptions {
    return {
      documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }, { scheme: 'vscode-notebook-cell' }],
      outputChannel: this.channel,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware: this.middleware,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: isCurrent() && this.ended() ? CloseAction.Restart : CloseAction.DoNotRestart, handled: true }),
      },
    };
  }

  /** The server ended without being asked to; whether to start it again. */
  private ended(): boolean {
    const now = Date.now();
    this.ends = [...this.ends.filter((end) => now - end < WINDOW_MS), now];
    if (this.ends.length > MOST_ENDS) {
      const message = `empower-lsp ended ${this.ends.length} times within three minutes and is not started again.`;
      this.show({ kind: 'error', message: `${message} Its output says why; click to restart it.`, cure: RESTART });
      void offer(vscode.window.showErrorMessage, message, SHOW_LOG, RESTART);
      return false;
    }
    this.show({ kind: 'starting', message: 'Starting again.' });
    if (!this.told) {
      this.told = true;
      void offer(vscode.window.showWarningMessage, 'empower-lsp ended unexpectedly and was started again.', SHOW_LOG);
    }
    return true;
  }
}
