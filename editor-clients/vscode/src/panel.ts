// A page beside the editor, without scripts; opened again, it takes the place of the one before.

import * as vscode from 'vscode';

export class Panel {
  private open: vscode.WebviewPanel | undefined;

  constructor(
    private readonly kind: string,
    private readonly title: string,
  ) {}

  /** Show a whole page of HTML. */
  show(html: string): void {
    if (this.open) {
      this.open.reveal(undefined, true);
    } else {
      const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      this.open = vscode.window.createWebviewPanel(this.kind, this.title, place, { enableScripts: false });
      this.open.onDidDispose(() => (this.open = undefined));
    }
    this.open.webview.html = html;
  }

  /** Put another page into the panel, if it is open. */
  update(html: string): void {
    if (this.open) {
      this.open.webview.html = html;
    }
  }
}
