// What the client does for a large model, which takes a while to read: tells where the cursor rests, before anything is asked there,
// and asks again when the server has a better text than it had before.

import * as vscode from 'vscode';
import type { ClientCapabilities, LanguageClient, StaticFeature } from 'vscode-languageclient/node';

const REST_MS = 300;
const INLINE = 'editor.action.inlineSuggest';

/** Says that the client knows the server's own notifications. */
const NOTIFIED: StaticFeature = {
  fillClientCapabilities: (capabilities: ClientCapabilities): void => {
    capabilities.experimental = { ...(capabilities.experimental as object), empower: { notifications: true } };
  },
  initialize: () => undefined,
  getState: () => ({ kind: 'static' }),
  clear: () => undefined,
};

export class Deep implements vscode.Disposable {
  private readonly listeners: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  private asking = false;

  constructor(
    private readonly tell: (method: string, params: object) => Promise<void>,
    private readonly reading: (read: number, toRead: number) => void,
  ) {
    this.listeners = [
      vscode.window.onDidChangeTextEditorSelection(() => this.moved()),
      vscode.window.onDidChangeActiveTextEditor(() => this.moved()),
    ];
  }

  /** Listen to a server that is about to be started. */
  follow(client: LanguageClient): void {
    client.registerFeature(NOTIFIED);
    client.onNotification('empower/reading', ({ read, toRead }: { read: number; toRead: number }) => this.reading(read, toRead));
    client.onNotification('empower/better', ({ uri }: { uri: string }) => void this.askAgain(uri));
  }

  /** Whether a request that VS Code makes by hand was not asked for by a person, but by `empower/better`. */
  get isAsking(): boolean {
    return this.asking;
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const listener of this.listeners) {
      listener.dispose();
    }
  }

  /** Have VS Code ask for inline completions at the cursor: the server has one that may take the place of the other. */
  private async askAgain(uri: string): Promise<void> {
    if (vscode.window.activeTextEditor?.document.uri.toString() !== vscode.Uri.parse(uri).toString()) {
      return;
    }
    this.asking = true;
    try {
      await vscode.commands.executeCommand(`${INLINE}.hide`); // else VS Code stays with what it shows
      await vscode.commands.executeCommand(`${INLINE}.trigger`);
    } finally {
      this.asking = false;
    }
  }

  private moved(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const editor = vscode.window.activeTextEditor;
      if (editor && vscode.window.state.focused) {
        const { line, character } = editor.selection.active;
        void this.tell('textDocument/didRestCursor', {
          textDocument: { uri: editor.document.uri.toString() },
          position: { line, character },
        });
      }
    }, REST_MS);
  }
}
