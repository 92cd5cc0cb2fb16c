// "Why did it stop here?" as a page: in words, then the code with each token shaded by its bits, then the numbers.

import type { ExplainedToken, Explanation } from './explanation';

const SHADES = 8;
/** Bits from which a token has the last shade. */
const RED = 4;

/** HTML that needs no script; `before` is the code before the completion, `nonce` allows the page's style sheet. */
export function page(why: Explanation | null, before: string, nonce: string): string {
  const body = why ? told(why, before) : '<p>Nothing has been completed yet: type into a file first.</p>';
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<title>Why did it stop here?</title><style nonce="${nonce}">${STYLE}</style></head>
<body><h1>Why did it stop here?</h1>${body}</body></html>`;
}

function told(why: Explanation, before: string): string {
  const written = why.tokens.filter((token) => token.text !== '').map((token) => ({ ...token, kept: token.kept && why.text !== '' }));
  const crossing = written.find((token) => !token.kept);
  return `<p class="words">${escaped(why.words).replace(/`([^`]*)`/g, '<code>$1</code>')}</p>
<pre aria-label="The code"><span class="before">${escaped(before)}</span>${written.map((token) => span(token, token === crossing)).join('')}</pre>
<p class="legend">${legend()} from sure to a guess. Struck through: computed, and not shown.</p>
<details><summary>The numbers</summary>${numbers(why, written, crossing)}</details>`;
}

function numbers(why: Explanation, written: readonly ExplainedToken[], crossing: ExplainedToken | undefined): string {
  let sum = 0;
  const rows = written.map((token) => row(token, (sum += token.surprisal ?? Infinity), token === crossing)).join('');
  const all = why.text && why.probability !== null ? `<p>All that is shown is what you mean with a probability of ${percent(why.probability)}.</p>` : '';
  return `<table><tr><th>text</th><th>probability</th><th>bits</th><th>together</th><th>entropy</th></tr>${rows}</table>
<ul><li><b>Bits</b>: how surprising a piece of text is: 1 bit is as likely as a coin's head, and each bit more half as likely.</li>
<li><b>Together</b>: the bits so far, which decide how likely all of it is.</li>
<li><b>Entropy</b>: how open the place was before the piece was chosen: 0 bits is one way on, 3 bits are as open as eight equal ways.</li></ul>
${all}<p>Written by ${escaped(why.model ?? 'the model')} in ${ms(why.totalMs)}, ${ms(why.promptMs)} of it to read:
${why.evaluatedTokens} of ${why.promptTokens} pieces of the text around the cursor were new.</p>`;
}

function span(token: ExplainedToken, crossing: boolean): string {
  const shade = Math.min(SHADES - 1, Math.floor(((token.surprisal ?? RED) / RED) * SHADES));
  const names = [`s${shade}`, token.kept ? '' : 'dropped', crossing ? 'crossing' : ''].filter(Boolean).join(' ');
  const text = escaped(token.text).replace(/\r?\n/g, '↵\n');
  return `<span class="${names}" title="${chance(token)}">${text}</span>`;
}

function row(token: ExplainedToken, sum: number, crossing: boolean): string {
  const name = crossing ? ' class="crossing"' : '';
  const cells = [chance(token), bits(token.surprisal), bits(sum), bits(token.entropy)].map((text) => `<td>${text}</td>`).join('');
  return `<tr${name}><td><code>${visible(token.text)}</code></td>${cells}</tr>`;
}

function legend(): string {
  return Array.from({ length: SHADES }, (_, shade) => `<span class="s${shade}">&nbsp;</span>`).join('');
}

function visible(text: string): string {
  return escaped(text).replace(/ /g, '·').replace(/\t/g, '→').replace(/\r?\n/g, '↵');
}

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (sign) => names[sign] ?? sign);
}

function percent(probability: number): string {
  return `${Math.round(probability * 100)} %`;
}

function chance(token: ExplainedToken): string {
  return token.surprisal === null ? '0 %' : percent(2 ** -token.surprisal);
}

function bits(value: number | null): string {
  return value === null || !Number.isFinite(value) ? '∞' : value.toFixed(2);
}

function ms(value: number | null): string {
  return value === null ? '?' : `${Math.round(value)} ms`;
}

const SHADE_RULES = Array.from({ length: SHADES }, (_, shade) => {
  const red = Math.round((shade / (SHADES - 1)) * 100);
  const mixed = `color-mix(in srgb, var(--vscode-charts-red) ${red}%, var(--vscode-charts-green))`;
  return `.s${shade}{background:color-mix(in srgb, ${mixed} 25%, transparent)}`;
}).join('');

const STYLE = `body{max-width:52rem;line-height:1.5}h1{font-size:1.3em;font-weight:600}
pre,code{font-family:var(--vscode-editor-font-family);font-size:var(--vscode-editor-font-size)}
pre{padding:.6em;background:var(--vscode-textCodeBlock-background);white-space:pre-wrap;tab-size:4}pre span{border-radius:2px}
.before{opacity:.8}.words{font-size:1.1em}.dropped{opacity:.7;text-decoration:line-through}.crossing{outline:2px solid var(--vscode-focusBorder);opacity:1}
.legend{opacity:.8;font-size:.9em}table{border-collapse:collapse}th,td{padding:.1em 1.2em .1em 0;text-align:right}
th:first-child,td:first-child{text-align:left}${SHADE_RULES}`;
