// The inline completion on the screen: how much of it stands in the document, and telling the server what VS Code does not.
//
// VS Code itself runs an item's command when all of it is accepted, and says nothing of parts and of dismissal: only its proposed
// API does. So the keys for these come to commands here, which do what VS Code's own do and tell the server of it.

import * as vscode from 'vscode';

/** An inline completion as it was first answered, and where. */
interface Offer {
  readonly id: string;
  readonly uri: string;
  readonly start: number;
  readonly text: string;
}

export class Offers {
  private last: Offer | undefined;

  constructor(private readonly tell: (method: string, params: object) => Promise<void>) {}

  /** An item was answered, or none; the same id again is the rest of one that was typed along or accepted in part. */
  answered(document: vscode.TextDocument, position: vscode.Position, item: vscode.InlineCompletionItem | undefined): void {
    const id: unknown = item?.command?.arguments?.[0];
    if (!item || typeof id !== 'string' || typeof item.insertText !== 'string') {
      this.last = undefined;
      return;
    }
    const start = document.offsetAt(item.range?.start ?? position);
    const uri = document.uri.toString();
    const next = { id, uri, start, text: item.insertText };
    this.last = this.last && goesOn(this.last, next, document) ? this.last : next;
  }

  /** Do what `command` of VS Code does to the inline completion, and tell how much of it has been inserted so far. */
  async acceptPart(command: string): Promise<void> {
    const offer = this.last;
    const before = inserted(offer);
    await vscode.commands.executeCommand(command);
    const length = inserted(offer);
    if (offer && length > before) {
      await this.tell('textDocument/didPartiallyAcceptCompletion', { item: asItem(offer), acceptedLength: length });
    }
  }

  /** Hide the inline completion, and tell that it was not wanted. */
  async dismiss(): Promise<void> {
    const offer = this.last;
    this.last = undefined;
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    if (offer) {
      await this.tell('textDocument/didDismissCompletion', { item: asItem(offer) });
    }
  }
}

function asItem(offer: Offer): object {
  return { insertText: offer.text, command: { title: 'Accept', command: 'empower.accept', arguments: [offer.id] } };
}

/** Whether `next` is what is left of `last` in the document as it is now. */
function goesOn(last: Offer, next: Offer, document: vscode.TextDocument): boolean {
  const between = textBetween(document, last.start, next.start);
  return last.id === next.id && last.uri === next.uri && last.start <= next.start && last.text === between + next.text;
}

/** UTF-16 units of an offer's text that stand before the cursor. */
function inserted(offer: Offer | undefined): number {
  const editor = vscode.window.activeTextEditor;
  if (!offer || editor?.document.uri.toString() !== offer.uri) {
    return 0;
  }
  const text = textBetween(editor.document, offer.start, editor.document.offsetAt(editor.selection.active));
  return offer.text.startsWith(text) ? text.length : 0;
}

function textBetween(document: vscode.TextDocument, start: number, end: number): string {
  return start < end ? document.getText(new vscode.Range(document.positionAt(start), document.positionAt(end))) : '';
}
