// The inline completions of a place, and the one on the screen: how much of it stands in the document, and telling the server what VS Code does not.
//
// VS Code itself runs an item's command when all of it is accepted, and says nothing of parts and of dismissal: only its proposed
// API does. So the keys for these come to commands here, which do what VS Code's own do and tell the server of it.

import * as vscode from 'vscode';

const INLINE = 'editor.action.inlineSuggest';
const PATIENCE_MS = 5000;
const LINES_BEFORE = 4;

/** An inline completion as it was first answered, and where. */
interface Offer {
  readonly id: string;
  readonly uri: string;
  readonly start: number;
  readonly text: string;
}

export class Offers {
  private all: readonly Offer[] = [];
  /** Which of them is on the screen: VS Code starts with the first, and stays with the one that it shows. */
  private index = 0;
  /** The last answer was to a request by hand: VS Code has all that there are then, and does not ask again. */
  private complete = false;
  private heard = (): void => undefined;

  constructor(private readonly tell: (method: string, params: object) => Promise<void>) {}

  /** Items were answered, or none; the same id again is the rest of one that was typed along or accepted in part. */
  answered(document: vscode.TextDocument, position: vscode.Position, items: readonly vscode.InlineCompletionItem[], byHand: boolean): void {
    const shown = this.shown();
    const next = items.flatMap((item) => asOffer(document, position, item) ?? []);
    this.all = next.map((offer) => this.all.find((last) => goesOn(last, offer, document)) ?? offer);
    this.index = Math.max(0, shown ? this.all.indexOf(shown) : 0);
    this.complete = byHand;
    this.heard();
    if (this.all.length > 0) {
      void vscode.commands.executeCommand('setContext', 'empower.tried', true); // a step of the walkthrough
    }
  }

  /** Show the next inline completion of this place, or the one before, and tell which one that is. */
  async step(command: 'showNext' | 'showPrevious'): Promise<void> {
    const all = this.complete || new Promise<void>((resolve) => {
      this.heard = resolve;
      setTimeout(resolve, PATIENCE_MS);
    });
    await vscode.commands.executeCommand(`${INLINE}.${command}`); // asks for all that there are, and does not wait for them
    await all;
    const count = this.all.length;
    if (count > 1) {
      this.index = (this.index + (command === 'showNext' ? 1 : count - 1)) % count;
      await this.say('textDocument/didShowCompletion', this.shown());
    }
  }

  /** Do what `command` of VS Code does to the inline completion, and tell how much of it has been inserted so far. */
  async acceptPart(command: 'acceptNextWord' | 'acceptNextLine'): Promise<void> {
    const [shown, offers] = [this.shown(), this.all]; // an answer to the changed text may come meanwhile
    const before = offers.map(inserted);
    await vscode.commands.executeCommand(`${INLINE}.${command}`);
    const grown = offers.filter((offer, index) => inserted(offer) > (before[index] ?? 0));
    const offer = grown.find((one) => one === shown) ?? grown[0]; // another one, if the arrows beside the grey text chose it
    await this.say('textDocument/didPartiallyAcceptCompletion', offer, { acceptedLength: inserted(offer) });
  }

  /** Hide the inline completion, and tell that it was not wanted. */
  async dismiss(): Promise<void> {
    const shown = this.shown();
    this.all = [];
    await vscode.commands.executeCommand(`${INLINE}.hide`);
    await this.say('textDocument/didDismissCompletion', shown);
  }

  /** The lines before a completion, if it is the one that was answered last, or what that is the rest of. */
  before(text: string): string {
    const offer = this.shown();
    const document = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === offer?.uri);
    if (!document || !offer || !text.endsWith(offer.text)) {
      return '';
    }
    const position = document.positionAt(offer.start - (text.length - offer.text.length));
    return document.getText(new vscode.Range(new vscode.Position(Math.max(0, position.line - LINES_BEFORE), 0), position));
  }

  private shown(): Offer | undefined {
    return this.all[this.index];
  }

  private async say(method: string, offer: Offer | undefined, more: object = {}): Promise<void> {
    if (offer) {
      await this.tell(method, { item: asItem(offer), ...more });
    }
  }
}

/** An item of the server; undefined when it is none. */
function asOffer(document: vscode.TextDocument, position: vscode.Position, item: vscode.InlineCompletionItem): Offer | undefined {
  const id: unknown = item.command?.arguments?.[0];
  if (typeof id !== 'string' || typeof item.insertText !== 'string') {
    return undefined;
  }
  const start = document.offsetAt(item.range?.start ?? position);
  return { id, uri: document.uri.toString(), start, text: item.insertText };
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
