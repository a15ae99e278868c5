// Pictures of the page for docs/screens: node e2e/screens.mjs [FOLDER], after
// `make build`. The same states at three widths, light and dark; with --full whole
// pages, and the diagnosis, to look at.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { open, skip } from './lib/browser.mjs';
import { root } from './lib/server.mjs';

if (skip) throw new Error(skip);
const to = path.resolve(process.argv.slice(2).find((a) => !a.startsWith('-')) ?? path.join(root, 'docs/screens'));
mkdirSync(to, { recursive: true });
const it = await open();
const words = ['cat', 'dog', 'cow', 'hen', 'fox', 'owl', 'bee', 'ant', 'pig', 'elk', 'bat', 'ape'];
const plurals = ['beds', 'cups', 'maps', 'pens', 'keys', 'hats', 'jars', 'nets', 'pots', 'rugs', 'saws', 'toys'];
const rows = (a, b) => [...words.slice(a, b).map((w) => `${w} => one`), ...plurals.slice(a, b).map((w) => `${w} => many`)].join('\n');
const full = process.argv.includes('--full');
const widths = [360, 768, 1440];

/** Takes a picture at each width, light and dark. */
async function shoot(page, name, { at } = {}) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: width < 500 ? 740 : width < 1000 ? 900 : 720 });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const drawn = (narrow) => [...document.querySelectorAll('#loss-island svg')].every((svg) => svg.getAttribute('viewBox').startsWith('0 0 360') === narrow);
      await page.waitForFunction(drawn, width < 640); // they follow the width
      await page.waitForTimeout(300);
      const file = path.join(to, `${name}-${width}-${colorScheme}.png`);
      if (at && !full) await page.evaluate((at) => document.querySelector(at).scrollIntoView(), at);
      await page.screenshot({ path: file, fullPage: full });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      console.log(`${path.basename(file)}: ${Math.round(statSync(file).size / 1024)} KB${wide > 0 ? `, ${wide} px too wide` : ''}`);
    }
  }
}

try {
  const page = await it.page('/');
  const button = (name) => page.getByRole('button', { name, exact: true });
  await page.getByTestId('model-select').selectOption('pocket');
  await shoot(page, 'start');
  await page.locator('summary', { hasText: 'Test rows' }).click();
  await page.getByTestId('examples-input').fill(rows(0, 6));
  await page.locator('#held').fill(rows(6, 12));
  await page.getByTestId('method-select').selectOption('z');
  await button('Adapt').click();
  await page.getByTestId('similar').waitFor({ timeout: 240_000 });
  await button('Examples in the prompt').click();
  await page.locator('[data-testid=score-table] th', { hasText: 'Examples in the prompt' }).waitFor({ timeout: 240_000 });
  await page.locator('summary', { hasText: 'Confusion matrix' }).click();
  await shoot(page, 'result', { at: '#score-section' });
  if (full) {
    await page.locator('#diagnosis-section > details > summary').click();
    await button('Run the self-test').click();
    await page.locator('#diagnosis-section p', { hasText: 'runs have the losses' }).waitFor({ timeout: 300_000 });
    await shoot(page, 'diagnosis');
  }
} finally {
  await it.close();
}
