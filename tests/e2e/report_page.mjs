// Opens a page in headless Chromium as people may see it, and prints one JSON line a view: what was asked for and said, and how it lies.
// node report_page.mjs PLAYWRIGHT CHROMIUM URL FOLDER
import { createRequire } from 'node:module';

const [, , playwright, executablePath, url, folder] = process.argv;
const { chromium } = createRequire(import.meta.url)(playwright);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

function measure() {
  const shown = (element) => element.checkVisibility();
  const drawings = [...document.querySelectorAll('svg')].filter(shown);
  const inside = (element) => {
    const [outer, inner] = [element.ownerSVGElement.getBoundingClientRect(), element.getBoundingClientRect()];
    return inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
  };
  const texts = drawings.flatMap((svg) => [...svg.querySelectorAll('text')]);
  const height = (text) => {
    const { a, b } = text.getScreenCTM(); // of a label that stands upright a is 0
    return Math.hypot(a, b) * parseFloat(getComputedStyle(text).fontSize);
  };
  return {
    scrolls: document.documentElement.scrollWidth - innerWidth,
    drawings: drawings.length,
    smallest: Math.min(...texts.map(height)),
    cut: texts.filter((text) => !inside(text)).map((text) => text.textContent),
    background: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    label: texts.length ? getComputedStyle(texts[0]).fill : null,
    boxes: [...document.querySelectorAll('.scroll')].map((box) => box.scrollWidth > box.clientWidth),
  };
}

for (const width of [1280, 400]) {
  for (const colorScheme of ['light', 'dark']) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const asked = [];
    const said = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    await page.goto(url);
    process.stdout.write(`${JSON.stringify({ width, colorScheme, asked, said, ...(await page.evaluate(measure)) })}\n`);
    await page.screenshot({ path: `${folder}/report-${width}-${colorScheme}.png`, fullPage: true });
    await page.close();
  }
}
await browser.close();
