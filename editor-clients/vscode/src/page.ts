// "Why did it stop here?" as a page: the last completion, each token shaded by its bits, and the token it stopped before.

import type { ExplainedToken, Explanation } from './explanation';

const SHADES = 8;
/** Bits from which a token has the last shade. */
const RED = 4;

/** HTML that needs no script; `nonce` allows its style sheet. */
export function page(why: Explanation | null, confidence: number, nonce: string): string {
  const body = why ? told(why, confidence) : '<p>No inline completion has been computed yet: type into a file first.</p>';
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<title>Why did it stop here?</title><style nonce="${nonce}">${STYLE}</style></head>
<body><h1>Why did it stop here?</h1>${body}</body></html>`;
}

function told(why: Explanation, confidence: number): string {
  const sums = cumulative(why.tokens);
  return `<p>${sentence(why, sums, confidence)}</p>
<pre aria-label="The tokens">${why.tokens.map((token, index) => span(token, isCrossing(why, index))).join('')}</pre>
<p class="legend">${legend()} sure to surprising, in bits; what is struck through was computed and not shown</p>
<table><tr><th>token</th><th>bits</th><th>together</th><th>entropy</th></tr>${why.tokens
    .map((token, index) => row(token, sums[index] ?? 0, isCrossing(why, index)))
    .join('')}</table>
<p>Threshold η = ${bits(why.eta)} at a confidence of ${percent(confidence)}. What is kept is right, all of it, with a probability of
${percent(why.probability)}.</p>
<p>Computed in ${ms(why.totalMs)}, ${ms(why.promptMs)} of it for the prompt: ${why.promptTokens} tokens, ${why.evaluatedTokens} of them new.</p>`;
}

/** The sums of the bits up to each token. */
export function cumulative(tokens: readonly ExplainedToken[]): number[] {
  let sum = 0;
  return tokens.map((token) => (sum += token.surprisal ?? Infinity));
}

function isCrossing(why: Explanation, index: number): boolean {
  return !why.tokens[index]?.kept && (index === 0 || why.tokens[index - 1]?.kept === true);
}

/** Why the span ends, for the kinds of end that the server knows. */
export function sentence(why: Explanation, sums: readonly number[], confidence: number): string {
  const index = why.tokens.findIndex((token) => !token.kept);
  const crossing = why.tokens[index];
  const before = crossing ? ` before <code>${visible(crossing.text)}</code>` : '';
  switch (why.end) {
    case 'end-of-text':
      return 'The model itself ended the text here.';
    case 'max-tokens':
      return 'It reached the most tokens that the option <code>maxTokens</code> allows.';
    case 'max-lines':
      return 'It reached the most lines that the option <code>maxLines</code> allows.';
    case 'trimmed':
      return 'What it went on with did not fit the text around it, and was cut off.';
    default: {
      const start = why.text ? `It stops${before}` : `It shows nothing: it would stop${before || ' at once'}`;
      const sum = sums[index];
      if (!crossing || sum === undefined) {
        return `${start}: to show more would gain nothing.`;
      }
      const more = `which surprises by ${bits(crossing.surprisal)}: with it, all would be ${bits(sum)}`;
      return why.eta !== null && sum > why.eta
        ? `${start}, ${more}, more than the ${bits(why.eta)} that a confidence of ${percent(confidence)} allows. That choice is yours.`
        : `${start}, ${more}: longer, but less probably what you mean, so more would gain less. That choice is yours.`;
    }
  }
}

function span(token: ExplainedToken, crossing: boolean): string {
  const shade = Math.min(SHADES - 1, Math.floor(((token.surprisal ?? RED) / RED) * SHADES));
  const names = [`s${shade}`, token.kept ? '' : 'dropped', crossing ? 'crossing' : ''].filter(Boolean).join(' ');
  const text = escaped(token.text).replace(/\r?\n/g, '↵\n');
  return `<span class="${names}" title="${bits(token.surprisal)}">${text}</span>`;
}

function row(token: ExplainedToken, sum: number, crossing: boolean): string {
  const name = crossing ? ' class="crossing"' : '';
  const cells = [bits(token.surprisal), bits(sum), bits(token.entropy)].map((text) => `<td>${text}</td>`).join('');
  return `<tr${name}><td><code>${visible(token.text)}</code></td>${cells}</tr>`;
}

function legend(): string {
  return Array.from({ length: SHADES }, (_, shade) => `<span class="s${shade}">&nbsp;</span>`).join('');
}

function visible(text: string): string {
  return escaped(text).replace(/ /g, '·').replace(/\t/g, '→').replace(/\r?\n/g, '↵') || '(nothing)';
}

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (sign) => names[sign] ?? sign);
}

function bits(value: number | null): string {
  return value === null || !Number.isFinite(value) ? '∞ bits' : `${value.toFixed(2)} bits`;
}

function percent(value: number | null): string {
  return value === null ? '?' : `${Math.round(value * 100)} %`;
}

function ms(value: number | null): string {
  return value === null ? '?' : `${Math.round(value)} ms`;
}

const SHADE_RULES = Array.from({ length: SHADES }, (_, shade) => {
  const red = Math.round((shade / (SHADES - 1)) * 100);
  const mixed = `color-mix(in srgb, var(--vscode-charts-red) ${red}%, var(--vscode-charts-green))`;
  return `.s${shade}{background:color-mix(in srgb, ${mixed} 40%, transparent)}`;
}).join('');

const STYLE = `body{max-width:52rem;line-height:1.5}h1{font-size:1.3em;font-weight:600}
pre,code{font-family:var(--vscode-editor-font-family);font-size:var(--vscode-editor-font-size)}
pre{padding:.6em;background:var(--vscode-textCodeBlock-background);white-space:pre-wrap;tab-size:4}pre span{border-radius:2px}
.dropped{opacity:.6;text-decoration:line-through}.crossing{outline:2px solid var(--vscode-focusBorder);opacity:1}
.legend{opacity:.8;font-size:.9em}table{border-collapse:collapse}th,td{padding:.1em 1.2em .1em 0;text-align:right}
th:first-child,td:first-child{text-align:left}${SHADE_RULES}`;
