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
  const settings = vscode.workspace.getConfiguration('empower');
  const set = settings.get('model', '');
  const choices = models.map((model) => ({
    label: `${(set ? set === model.name : model.in_use) ? '$(check) ' : ''}${model.name}`,
    description: `${size(model.size)} · ${ELSEWHERE.includes(model.where) ? 'to be downloaded' : model.where} · ${model.licence}`,
    detail: model.description,
    model,
  }));
  const chosen = await vscode.window.showQuickPick(choices, { title: 'The model inline completions come from', matchOnDetail: true });
  if (!chosen || (ELSEWHERE.includes(chosen.model.where) && !(await pulled(program, chosen.model)))) {
    return;
  }
  if (set) {
    await settings.update('model', chosen.model.name, vscode.ConfigurationTarget.Global); // else the setting would overrule it
  } else {
    void vscode.window.showInformationMessage(await output(program, 'model', 'use', chosen.model.name));
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
