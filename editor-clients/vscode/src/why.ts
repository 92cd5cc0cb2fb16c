// Shows "why did it stop here?" beside the editor, and follows the last completion while it is open.

import { randomBytes } from 'node:crypto';
import type { Explanation } from './explanation';
import { page } from './page';
import { Panel } from './panel';

const panel = new Panel('empower.why', 'Why did it stop here?');

/** Show the page for a completion, with the code before it, in the panel that is open already if there is one. */
export function showWhy(why: Explanation | null, before: string): void {
  panel.show(html(why, before));
}

/** A newer completion was computed: show that, if the panel is open. */
export function followWhy(why: Explanation, before: string): void {
  panel.update(html(why, before));
}

function html(why: Explanation | null, before: string): string {
  return page(why, before, randomBytes(16).toString('hex'));
}
