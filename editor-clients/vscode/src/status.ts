// The status bar item: ready, loading, off, or an error with its cure; how long the last answer took.

import * as vscode from 'vscode';
import type { Explanation } from './explanation';

/** What the server is doing; `cure` is a command that may help. */
export type State =
  | { readonly kind: 'starting' | 'loading' | 'ready'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string; readonly cure: vscode.Command };

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('empower', vscode.StatusBarAlignment.Right, 90);
  private state: State = { kind: 'starting', message: 'Starting.' };
  private last = '';
  private read = '';

  constructor(private readonly offBecause: (language: string | undefined) => string | undefined) {
    this.item.name = 'Empower';
    this.render();
    this.item.show();
  }

  /** The server is in another state. */
  show(state: State): void {
    this.state = state;
    this.render();
  }

  /** A completion was computed, and the last request took so many milliseconds from VS Code and back. */
  measured(explanation: Explanation, roundTripMs: number): void {
    const kept = explanation.tokens.filter((token) => token.kept).length;
    const prompt = `prompt of ${explanation.promptTokens} tokens, ${explanation.evaluatedTokens} of them new`;
    const computed = `computed in ${Math.round(explanation.totalMs ?? 0)} ms: ${kept} of ${explanation.tokens.length} tokens kept, ${prompt}`;
    this.last = `Last answer after ${Math.round(roundTripMs)} ms; ${computed}.`;
    this.render();
  }

  /** So many tokens of a prompt are read, of so many. */
  reading(read: number, toRead: number): void {
    this.read = read < toRead ? `The model reads the text around the cursor: ${read} of ${toRead} tokens.` : '';
    this.render();
  }

  render(): void {
    const { state, item } = this;
    const off = this.offBecause(vscode.window.activeTextEditor?.document.languageId);
    const icon = { starting: '$(loading~spin)', loading: '$(loading~spin)', ready: '$(sparkle)', error: '$(warning)' }[state.kind];
    const isOff = state.kind !== 'error' && off !== undefined;
    item.text = `${isOff ? '$(circle-slash)' : icon} Empower`;
    item.backgroundColor = state.kind === 'error' ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    item.command = state.kind === 'error' ? state.cure : 'empower.menu';
    item.tooltip = [isOff ? off : state.message, ...(state.kind === 'ready' ? [this.read, this.last] : [])].filter(Boolean).join('\n\n');
    item.accessibilityInformation = { label: `Empower: ${item.tooltip.replaceAll(/\s+/g, " ")}` };
  }

  dispose(): void {
    this.item.dispose();
  }
}
