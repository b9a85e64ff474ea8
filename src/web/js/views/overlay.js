// What floats above the page: short notices, questions. Native dialogs keep the focus inside.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';

const TOAST_MS = 4_500;

/** A short notice at the foot of the page. */
export function toast(text) {
  const node = h('div.toast', {}, text);
  notice(node);
  setTimeout(() => node.remove(), TOAST_MS);
}

/** Puts a notice to the others. */
export function notice(node) {
  document.getElementById('toasts').append(node);
  raiseNotices();
}

/** Notices stand in the dialog on top: below it nobody sees, hears or reaches them. */
function raiseNotices() {
  const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
  const notices = document.getElementById('toasts');
  if (notices.parentNode !== top) top.append(notices);
}

/**
 * Shows a dialog; resolves with the value given to `close`, or null when dismissed.
 * `build(close)` gives its content.
 */
export function dialog(label, build, { className = '' } = {}) {
  return new Promise((resolve) => {
    let value = null;
    const node = h('dialog', { 'aria-label': label, class: className });
    const close = (result) => { value = result; node.close(); };
    node.append(build(close, node));
    const closed = router.overlay(() => close(null));
    node.addEventListener('close', () => { closed(); raiseNotices(); node.remove(); resolve(value); });
    node.addEventListener('pointerdown', (event) => { if (event.target === node) close(null); });
    document.body.append(node);
    node.showModal();
    raiseNotices();
  });
}

/** Asks before something is done; resolves with true or false. */
export async function confirm(question, { action = t('ok'), danger = false, text = '' } = {}) {
  const answer = await dialog(question, (close) => h('form.question', {
    onsubmit: (event) => { event.preventDefault(); close(true); },
  },
  h('h2', {}, question),
  text && h('p', {}, text),
  h('div.actions', {},
    h('button.button.quiet', { type: 'button', onclick: () => close(false) }, t('cancel')),
    h('button.button', { class: danger ? 'danger' : '', autofocus: true }, action))));
  return answer === true;
}

export function closeMenu() {
  document.querySelector('.menu')?.finish?.();
}
