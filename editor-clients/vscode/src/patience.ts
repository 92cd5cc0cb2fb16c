// Inside a word VS Code waits 750 ms for an inline completion, then cancels it and opens its list of suggestions instead.
//
// That suits a fast model: no list beside the grey text. Who uses a slow one would see little of it, and is asked, once, whether the
// list may open at once instead, with which VS Code goes on waiting.

import * as vscode from 'vscode';

const GIVES_UP_MS = 750;
/** Longer than this after the limit, something else has cancelled the request. */
const SLACK_MS = 150;
const ENOUGH = 3;
const ASKED = 'askedForPatience';

export class Patience {
  private lost = 0;

  constructor(private readonly memory: vscode.Memento) {}

  /** A request was cancelled after so many milliseconds, in a document that has not changed since. */
  async cancelled(afterMs: number): Promise<void> {
    if (afterMs < GIVES_UP_MS || afterMs > GIVES_UP_MS + SLACK_MS || this.memory.get(ASKED, false)) {
      return;
    }
    this.lost += 1;
    if (this.lost < ENOUGH) {
      return;
    }
    await this.memory.update(ASKED, true);
    const question =
      'Inside a word, VS Code gives up an inline completion after 750 ms, and this model often takes longer. ' +
      'Let it wait? Its list of suggestions then opens at once (editor.quickSuggestions: on).';
    if ((await vscode.window.showInformationMessage(question, 'Let It Wait', 'No')) === 'Let It Wait') {
      const settings = vscode.workspace.getConfiguration('editor');
      const before = settings.inspect<Record<string, string>>('quickSuggestions')?.globalValue ?? {};
      await settings.update('quickSuggestions', { ...before, other: 'on' }, vscode.ConfigurationTarget.Global);
    }
  }
}
