// Whether inline completions are wanted: everywhere, by language, or not for a while. What is off asks the server nothing.

import * as vscode from 'vscode';

const OFF = 'off';
/** Off unless turned on by name, as the server has it. */
const UNASKED = ['diff', 'git-commit', 'git-rebase', 'gitcommit', 'gitrebase', 'hgcommit', 'jjdescription', 'log', 'scminput'];

export class Switch implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  /** Fires when the answer of `why` may be another. */
  readonly onDidChange = this.changed.event;
  private pausedUntil = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly memory: vscode.Memento) {}

  /** Why there are no inline completions for a language id; undefined when there are. */
  why(language: string | undefined): string | undefined {
    if (this.memory.get(OFF, false)) {
      return 'Off everywhere.';
    }
    if (Date.now() < this.pausedUntil) {
      return `Paused until ${new Date(this.pausedUntil).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}.`;
    }
    return language !== undefined && !allows(language) ? `Off for ${language}.` : undefined;
  }

  /** Whether nothing turns them off everywhere. */
  get isOn(): boolean {
    return !this.memory.get(OFF, false) && Date.now() >= this.pausedUntil;
  }

  /** Whether the person's settings want them in a language. */
  isOnFor(language: string): boolean {
    return allows(language);
  }

  /** Off everywhere, or on again, which ends a pause too; stays so after a restart of VS Code. */
  async toggle(): Promise<void> {
    const resumes = !this.isOn;
    this.pausedUntil = 0;
    await this.memory.update(OFF, !resumes);
    this.changed.fire();
  }

  /** Off for a language, or on again: the option `languages` of the person's settings. */
  async toggleLanguage(language: string): Promise<void> {
    const settings = vscode.workspace.getConfiguration('empower');
    const languages = settings.inspect<Record<string, boolean>>('languages')?.globalValue ?? {};
    const changed = { ...languages, [language]: !allows(language) };
    await settings.update('languages', changed, vscode.ConfigurationTarget.Global);
    this.changed.fire();
  }

  /** Off for so many minutes. */
  pause(minutes: number): void {
    this.pausedUntil = Date.now() + minutes * 60_000;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.changed.fire(), minutes * 60_000 + 100);
    this.changed.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
  }
}

/** As the server reads the option `languages`. */
function allows(language: string): boolean {
  const languages = vscode.workspace.getConfiguration('empower').get<Record<string, boolean>>('languages', {});
  return languages[language] ?? (!UNASKED.includes(language) && (languages['*'] ?? true));
}
