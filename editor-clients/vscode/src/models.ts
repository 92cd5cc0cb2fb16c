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

const ELSEWHERE = ['available', 'missing'];

/** Let the person choose; a running server follows by itself. */
export async function chooseModel(program: string): Promise<void> {
  const models = JSON.parse(await output(program, 'model', 'list', '--json')) as Listed[];
  const set = vscode.workspace.getConfiguration('empower').get('model', '');
  const choices: (vscode.QuickPickItem & { readonly model?: Listed })[] = models.map((model) => ({
    label: `${(set ? set === model.name : model.in_use) ? '$(check) ' : ''}${model.name}`,
    description: `${size(model.size)} · ${ELSEWHERE.includes(model.where) ? 'to be downloaded' : model.where} · ${model.licence}`,
    detail: model.description,
    model,
  }));
  choices.push({ label: '$(folder-opened) Use a GGUF File...' });
  const chosen = await vscode.window.showQuickPick(choices, { title: 'The model inline completions come from', matchOnDetail: true });
  if (chosen && !chosen.model) {
    return useFile(program);
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
