// "More": the rest of the statement, past what the server is sure of. VS Code draws all grey text alike, so where the sure part ends is said
// in the status bar, and the line has a dotted edge.

import * as vscode from 'vscode';

const INLINE = 'editor.action.inlineSuggest';
const LONGEST = 40;

type Ask = (document: vscode.TextDocument, position: vscode.Position) => Promise<vscode.InlineCompletionItem[]>;

/** What was answered, for the request of VS Code that takes it up. */
interface Answer {
  readonly document: vscode.TextDocument;
  readonly version: number;
  readonly position: vscode.Position;
  readonly items: vscode.InlineCompletionItem[];
}

export class More implements vscode.Disposable {
  private readonly edge = vscode.window.createTextEditorDecorationType({
    ...{ isWholeLine: true, borderStyle: 'dotted', borderWidth: '0 0 1px 0' },
    borderColor: new vscode.ThemeColor('editorGhostText.foreground'),
  });
  private readonly listener = vscode.window.onDidChangeTextEditorSelection(({ selections }) => {
    if (this.at && !selections[0]?.active.isEqual(this.at)) {
      this.clear();
    }
  });
  private answer: Answer | undefined;
  /** Where the cursor stands before text that is not all sure. */
  private at: vscode.Position | undefined;

  /** `say` is told up to where the text on the screen is sure; undefined where all of it is. */
  constructor(
    private readonly ask: Ask,
    private readonly say: (sure: string | undefined) => void,
  ) {}

  /** Ask for the rest of the statement behind what is shown, and show it; where there is none, all stays as it is. */
  async show(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      return;
    }
    const { document } = editor;
    const [version, position] = [document.version, editor.selection.active];
    const items = await this.ask(document, position);
    if (items.length === 0 || document.version !== version || !editor.selection.active.isEqual(position)) {
      return;
    }
    this.answer = { document, version, position, items };
    try {
      await vscode.commands.executeCommand(`${INLINE}.hide`); // else VS Code stays with what it shows
      await vscode.commands.executeCommand(`${INLINE}.trigger`);
    } finally {
      this.answer = undefined;
    }
  }

  /** What a request of VS Code is answered with because it was asked for; undefined for all others. */
  taken(document: vscode.TextDocument, position: vscode.Position): vscode.InlineCompletionItem[] | undefined {
    const { answer } = this;
    const same = answer?.document === document && answer.version === document.version && answer.position.isEqual(position);
    return same ? answer.items : undefined;
  }

  /** Items were answered at a place: tell how much of the first is sure. */
  answered(position: vscode.Position, items: readonly vscode.InlineCompletionItem[]): void {
    const [item] = items;
    const sure: unknown = item?.command?.arguments?.[1]?.sure;
    if (typeof sure !== 'number' || typeof item?.insertText !== 'string') {
      this.clear();
      return;
    }
    this.at = position;
    this.say(item.insertText.slice(0, sure).slice(-LONGEST).trim());
    vscode.window.activeTextEditor?.setDecorations(this.edge, [new vscode.Range(position, position)]);
  }

  /** The text is gone. */
  clear(): void {
    this.at = undefined;
    this.say(undefined);
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(this.edge, []);
    }
  }

  dispose(): void {
    this.listener.dispose();
    this.edge.dispose();
  }
}
