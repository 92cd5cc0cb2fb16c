// Drives one page of a headless Chromium: reads a JSON list [operation, ...arguments] a line, and answers each with {value} or {error}.
// node driver.mjs PLAYWRIGHT CHROMIUM URL
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const [, , playwright, executablePath, url] = process.argv;
const { chromium } = createRequire(import.meta.url)(playwright);
const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'];
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage({ viewport: { width: 1000, height: 640 } });

const ASKING = ['texts', 'labels', 'framed', 'colours', 'box', 'evaluate']; // the others give what is no JSON, or nothing
const texts = (frame, selector) => frame.$$eval(selector, (found) => found.map((element) => element.innerText ?? ''));
const colours = (frame, selector) => frame.$$eval(selector, (found) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const drawn = (layers) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const [colour, opacity] of layers) {
      canvas.globalAlpha = opacity;
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  return found.map((element) => {
    const above = [];
    for (let one = element; one; one = one.parentElement) {
      above.unshift(one);
    }
    const behind = getComputedStyle(document.documentElement).getPropertyValue('--vscode-editor-background');
    const layers = [[behind, 1], ...above.map((one) => [getComputedStyle(one).backgroundColor, 1])];
    const opacity = above.reduce((all, one) => all * Number(getComputedStyle(one).opacity), 1);
    return [drawn([...layers, [getComputedStyle(element).color, opacity]]), drawn(layers)];
  });
});

const operations = {
  open: () => page.goto(url),
  press: (key) => page.keyboard.press(key),
  type: (text, delay) => page.keyboard.type(text, { delay }),
  hover: (selector) => page.hover(selector),
  double_click: (selector) => page.dblclick(selector, { timeout: 60_000 }).then(() => page.mouse.move(800, 10)), // or a hover opens
  click: (selector) => page.click(selector, { timeout: 60_000 }),
  texts: (selector) => texts(page, selector),
  labels: (selector) => page.$$eval(selector, (found) => found.map((element) => element.ariaLabel)),
  // of all frames: a webview is a frame in a frame
  framed: async (selector) => (await Promise.all(page.frames().map((frame) => texts(frame, selector).catch(() => [])))).flat(),
  // of the elements in all frames: ink and ground as they are drawn, each red, green and blue from 0 to 255
  colours: async (selector) => (await Promise.all(page.frames().map((frame) => colours(frame, selector).catch(() => [])))).flat(),
  shot: (path, clip) => page.screenshot({ path, ...(clip && { clip }) }),
  evaluate: (source) => page.evaluate(source),
  box: (selector) => page.locator(selector).first().boundingBox(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = JSON.parse(line);
  const answer = await operations[name](...rest).then(
    (value) => ({ value: (ASKING.includes(name) ? value : null) ?? null }),
    (error) => ({ error: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
