// A notice of what was done that can be taken back for a moment.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { notice } from './overlay.js';

/**
 * Shows `text` with a way back: `{answer, end}`. `answer` resolves with true when the person takes it
 * back, with false when the moment is over or `end()` is called. While a pointer or the focus rests on
 * it, the moment does not pass.
 */
export function offerUndo(text, ms) {
  let end;
  const answer = new Promise((resolve) => {
    let timer = null;
    const finish = (undone) => { clearTimeout(timer); node.remove(); resolve(undone); };
    const wait = () => { clearTimeout(timer); timer = setTimeout(() => finish(false), ms); };
    const hold = () => clearTimeout(timer);
    const node = h('div.toast.undo', { onpointerenter: hold, onpointerleave: wait, onfocusin: hold, onfocusout: wait },
      h('span', {}, text), h('button.link', { type: 'button', onclick: () => finish(true) }, t('undo')));
    end = () => finish(false);
    notice(node);
    wait();
  });
  return { answer, end };
}
