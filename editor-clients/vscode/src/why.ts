// Shows "why did it stop here?" beside the editor.

import { randomBytes } from 'node:crypto';
import type { Explanation } from './explanation';
import { page } from './page';
import { Panel } from './panel';

const panel = new Panel('empower.why', 'Why did it stop here?');

/** Show the page for a completion, in the panel that is open already if there is one. */
export function showWhy(why: Explanation | null, confidence: number): void {
  panel.show(page(why, confidence, randomBytes(16).toString('hex')));
}
