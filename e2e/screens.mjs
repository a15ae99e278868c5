// Pictures of the page for docs/screens: node e2e/screens.mjs [FOLDER], after
// `make build`. The same states at three widths, light and dark.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { open, skip } from './lib/browser.mjs';
import { root } from './lib/server.mjs';

if (skip) throw new Error(skip);
const to = path.resolve(process.argv[2] ?? path.join(root, 'docs/screens'));
mkdirSync(to, { recursive: true });
const it = await open();
const widths = [360, 768, 1440];

/** Takes a picture at each width, light and dark. */
async function shoot(page, name, { full = false } = {}) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: width < 500 ? 740 : 900 });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.waitForTimeout(300); // drawings follow the width
      const file = path.join(to, `${name}-${width}-${colorScheme}.png`);
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
  const full = process.argv.includes('--full');
  await shoot(page, 'start', { full });
  await button('walk → walks').click();
  await page.getByTestId('method-select').selectOption('z');
  await button('Adapt').click();
  await page.getByTestId('similar').waitFor({ timeout: 240_000 });
  await page.evaluate(() => document.querySelector('#score-section').scrollIntoView());
  await shoot(page, 'result', { full });
  await page.locator('#diagnosis-section > details > summary').click();
  await button('Run the self-test').click();
  await page.locator('#diagnosis-section p', { hasText: 'runs have the losses' }).waitFor({ timeout: 300_000 });
  await page.evaluate(() => document.querySelector('#diagnosis-section').scrollIntoView());
  await shoot(page, 'diagnosis', { full });
} finally {
  await it.close();
}
