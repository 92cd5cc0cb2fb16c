// Choosing the model that completions come from: one that is here is used, one that is not is pulled on request.

import * as vscode from 'vscode';
import { output } from './executable';
import { inTerminal } from './terminal';

/** An entry of `empower-lsp model list --json`. */
interface Listed {
  readonly name: string;
  readonly size: number | null;
  readonly where: string;
  readonly licence: string;
  readonly description: string;
  readonly in_use: boolean;
}

/** What `empower-lsp setup --json` says of this machine. */
interface Measured {
  readonly machine: string;
  /** Other programs were at work meanwhile. */
  readonly disturbed: boolean;
  /** The best model that fits this machine. */
  readonly fits: string | null;
  /** In seconds, until the first completion in a new place and until one behind a key; `memory` in bytes. */
  readonly models: readonly { readonly name: string; readonly memory: number; readonly place: number; readonly key: number }[];
}

const ELSEWHERE = ['available', 'missing'];
type Choice = vscode.QuickPickItem & { readonly model?: Listed; readonly does?: () => Promise<void> };

/** Measure this machine, and let the person choose with what is to be expected of each model. */
export async function measureAndChoose(program: string): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: 'Measuring this machine, for some seconds' };
  const said = await vscode.window.withProgress(options, () => output(program, 'setup', '--json'));
  await chooseModel(program, JSON.parse(said) as Measured);
}

/** Let the person choose; a running server follows by itself. */
export async function chooseModel(program: string, measured?: Measured): Promise<void> {
  const models = JSON.parse(await output(program, 'model', 'list', '--json')) as Listed[];
  const set = vscode.workspace.getConfiguration('empower').get('model', '');
  const choices: Choice[] = models.map((model) => ({
    label: `${(set ? set === model.name : model.in_use) ? '$(check) ' : ''}${model.name === measured?.fits ? '$(star-full) ' : ''}${model.name}`,
    description: `${size(model.size)} · ${ELSEWHERE.includes(model.where) ? 'to be downloaded' : model.where} · ${model.licence}`,
    detail: expected(model.name, measured) ?? model.description,
    model,
  }));
  choices.push({ label: '$(folder-opened) Use a GGUF File...', does: () => useFile(program) });
  if (!measured) {
    choices.push({ label: '$(dashboard) Measure This Machine...', does: () => measureAndChoose(program) });
  }
  const title = measured ? `${measured.machine}${measured.disturbed ? ' Busy: it may be faster.' : ''}` : 'The model inline completions come from';
  const chosen = await vscode.window.showQuickPick(choices, { title, matchOnDetail: true });
  if (chosen?.does) {
    return chosen.does();
  }
  if (!chosen?.model || (ELSEWHERE.includes(chosen.model.where) && !(await pulled(program, chosen.model)))) {
    return;
  }
  await use(program, chosen.model.name);
}

/** Let the person choose a GGUF file; `model use` checks it. */
export async function useFile(program: string): Promise<void> {
  const chosen = await vscode.window.showOpenDialog({ title: 'Use a GGUF File', openLabel: 'Use', filters: { 'GGUF models': ['gguf'] } });
  if (chosen?.[0]) {
    await use(program, chosen[0].fsPath);
  }
}

/** Download a model of the catalogue after asking, and use it. */
export async function download(program: string, name: string): Promise<void> {
  const models = JSON.parse(await output(program, 'model', 'list', '--json')) as Listed[];
  const model = models.find((one) => one.name === name);
  if (model && (await pulled(program, model))) {
    await use(program, name);
  }
}

/** What is to be expected of a model, in words; undefined for one that nothing is known of. */
function expected(name: string, measured: Measured | undefined): string | undefined {
  const model = measured?.models.find((one) => one.name === name);
  if (!model) {
    return undefined;
  }
  const fits = name === measured?.fits ? 'Fits this machine. ' : '';
  return `${fits}In a new place after ${seconds(model.place)}, behind a key after ${seconds(model.key)}; ${size(model.memory)} of memory`;
}

function seconds(count: number): string {
  return count < 0.1 ? `${Math.round(count * 1000)} ms` : `${count.toFixed(1)} s`;
}

async function use(program: string, name: string): Promise<void> {
  const settings = vscode.workspace.getConfiguration('empower');
  if (settings.get('model', '')) {
    await settings.update('model', name, vscode.ConfigurationTarget.Global); // else the setting would overrule it
  } else {
    void vscode.window.showInformationMessage(await output(program, 'model', 'use', name));
  }
}

async function pulled(program: string, model: Listed): Promise<boolean> {
  const question = `Download ${model.name} (${size(model.size)}, licence ${model.licence}) from the Hugging Face hub?`;
  if ((await vscode.window.showInformationMessage(question, { modal: true }, 'Download')) !== 'Download') {
    return false;
  }
  return (await inTerminal(program, `pull ${model.name}`, 'model', 'pull', model.name)) === 0;
}

function size(bytes: number | null): string {
  if (bytes === null) {
    return '? MB';
  }
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
