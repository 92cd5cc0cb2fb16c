// Shows "why did it stop here?" beside the editor.

import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Explanation } from './explanation';
import { page } from './page';

let panel: vscode.WebviewPanel | undefined;

/** Show the page for a completion, in the panel that is open already if there is one. */
export function showWhy(why: Explanation | null, confidence: number): void {
  const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
  if (panel) {
    panel.reveal(undefined, true);
  } else {
    panel = vscode.window.createWebviewPanel('empower.why', 'Why did it stop here?', place, { enableScripts: false });
    panel.onDidDispose(() => (panel = undefined));
  }
  panel.webview.html = page(why, confidence, randomBytes(16).toString('hex'));
}
