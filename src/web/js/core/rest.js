// What every view but the first page needs: all texts, the icons, the style sheet of panels.

import { allTexts } from './i18n.js';
import { sheet } from './sheets.js';

/** Resolves when all of it is here. */
export function rest() {
  return Promise.all([allTexts(), sheet('panels'), import('./shapes.js')]);
}
