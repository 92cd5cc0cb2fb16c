// The status bar item: ready, loading, off, or an error with its cure; how long the last answer took.

import * as vscode from 'vscode';
import type { Explanation, ServerStatus, TierStatus } from './explanation';
import { cures, SHOW_LOG } from './notices';

/** What the server is doing; `cure` is a command that may help. */
export type State =
  | { readonly kind: 'starting' | 'loading' | 'ready'; readonly message: string; readonly models?: readonly TierStatus[] }
  | { readonly kind: 'error'; readonly message: string; readonly cure: vscode.Command };

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('empower', vscode.StatusBarAlignment.Right, 90);
  private state: State = { kind: 'starting', message: 'Starting.' };
  private last: { readonly model: string | undefined; readonly text: string } | undefined;
  private read = '';
  private sure: string | undefined;

  constructor(private readonly offBecause: (language: string | undefined) => string | undefined) {
    this.item.name = 'Empower';
    this.render();
    this.item.show();
  }

  /** The server is in another state; how long an answer took is told of the models that there are now only. */
  show(state: State): void {
    this.state = state;
    if (state.kind === 'ready' && state.models && !state.models.some(({ model }) => model === this.last?.model)) {
      this.last = undefined;
    }
    this.render();
  }

  /** A completion was computed, and the last request took so many milliseconds from VS Code and back. */
  measured(explanation: Explanation, roundTripMs: number): void {
    const kept = explanation.tokens.filter((token) => token.kept).length;
    const prompt = `prompt of ${explanation.promptTokens} tokens, ${explanation.evaluatedTokens} of them new`;
    const computed = `computed in ${Math.round(explanation.totalMs ?? 0)} ms: ${kept} of ${explanation.tokens.length} tokens kept, ${prompt}`;
    const by = explanation.tier ? `, by the ${explanation.tier} model` : '';
    this.last = { model: explanation.model, text: `Last answer after ${Math.round(roundTripMs)} ms${by}; ${computed}.` };
    this.render();
  }

  /** So many tokens of a prompt are read, of so many. */
  reading(read: number, toRead: number): void {
    this.read = read < toRead ? `The model reads the text around the cursor: ${read} of ${toRead} tokens.` : '';
    this.render();
  }

  /** The text on the screen was asked for, and goes on past what is sure; undefined where it does not. */
  beyond(sure: string | undefined): void {
    if (sure !== this.sure) {
      this.sure = sure;
      this.render();
    }
  }

  /** What there is to say, most important first. */
  lines(): string[] {
    const { state } = this;
    const off = this.offBecause(vscode.window.activeTextEditor?.document.languageId);
    if (state.kind === 'error') {
      return [state.message];
    }
    const models = state.kind === 'ready' && (state.models?.length ?? 0) > 1 ? (state.models ?? []).map(told) : [];
    const asked = this.sure ? `You asked for more: it is sure up to "${this.sure}".` : 'You asked for more: it is sure of nothing here.';
    const beyond = this.sure === undefined ? '' : asked;
    const more = state.kind === 'ready' ? [beyond, ...models, this.read, this.last?.text ?? ''] : [];
    return [off ?? state.message, ...more].filter(Boolean);
  }

  render(): void {
    const { state, item } = this;
    const off = this.offBecause(vscode.window.activeTextEditor?.document.languageId);
    const icon = { starting: '$(loading~spin)', loading: '$(loading~spin)', ready: '$(sparkle)', error: '$(warning)' }[state.kind];
    const isOff = state.kind !== 'error' && off !== undefined;
    const beyond = state.kind === 'ready' && this.sure !== undefined;
    item.text = beyond ? '$(question) Empower: past what it is sure of' : `${isOff ? '$(circle-slash)' : icon} Empower`;
    item.backgroundColor = state.kind === 'error' ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    item.command = state.kind === 'error' ? state.cure : 'empower.menu';
    item.tooltip = this.lines().join('\n\n');
    item.accessibilityInformation = { label: `Empower: ${item.tooltip.replaceAll(/\s+/g, " ")}` };
  }

  dispose(): void {
    this.item.dispose();
  }
}

function told({ tier, model, message, read, toRead }: TierStatus): string {
  const reads = read < toRead ? ` It has read ${read} of ${toRead} tokens.` : '';
  return `${tier}: ${model}. ${message}${reads}`;
}

/** What `empower.status` answers, as a state. */
export function asState({ engine, message, tiers }: ServerStatus): State {
  switch (engine) {
    case 'failed':
      return { kind: 'error', message, cure: cures(message)[0] ?? SHOW_LOG };
    case 'ready':
    case 'released': // loads again with the next request
    case 'resting': // the other one answers
      return { kind: 'ready', message, ...(tiers && { models: tiers }) };
    default:
      return { kind: engine, message };
  }
}
