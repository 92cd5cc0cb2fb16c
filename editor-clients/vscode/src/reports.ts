// What commands of the program print, as read-only documents.

import * as vscode from 'vscode';
import { output } from './executable';

const SCHEME = 'empower-report';
const REPORTS = {
  'Log Statistics': ['log', 'stats'],
  'What Is Logged': ['log', 'status'],
} as const;

export class Reports implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  private readonly texts = new Map<string, string>();

  /** Open a report as it is now. */
  async show(program: string, name: keyof typeof REPORTS): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: name });
    this.texts.set(name, await output(program, ...REPORTS[name]));
    this.changed.fire(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? '';
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
