// What floats above the page: short notices, questions, menus. Native dialogs keep the focus inside.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';

const TOAST_MS = 4_500;

/** A short notice at the foot of the page. */
export function toast(text) {
  const node = h('div.toast', {}, text);
  document.getElementById('toasts').append(node);
  setTimeout(() => node.remove(), TOAST_MS);
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
    node.addEventListener('close', () => { closed(); node.remove(); resolve(value); });
    node.addEventListener('pointerdown', (event) => { if (event.target === node) close(null); });
    document.body.append(node);
    node.showModal();
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

/**
 * A menu at a point or below an element. `items`: `[{icon, label, act, danger}]`; false ones are
 * left out. `head` is a node on top of them.
 */
export function menu(anchor, items, { head = null } = {}) {
  closeMenu();
  const shown = items.filter(Boolean);
  if (shown.length === 0) return;
  const before = document.activeElement;
  const list = h('div.menu-items', { role: 'menu' });
  const node = h('div.menu', { popover: 'manual' }, head, list);
  const dismiss = (event) => { if (!node.contains(event.target)) { event.preventDefault(); finish(); } };
  const finish = () => {
    document.removeEventListener('pointerdown', dismiss, true);
    removeEventListener('resize', finish);
    if (!node.isConnected) return;
    closed();
    node.remove();
    before?.focus?.({ preventScroll: true });
  };
  for (const item of shown) {
    list.append(h('button.menu-item', {
      type: 'button', role: 'menuitem', tabindex: '-1', class: item.danger ? 'danger' : '',
      onclick: () => { finish(); item.act(); },
    }, item.icon && icon(item.icon), h('span', {}, item.label)));
  }
  node.addEventListener('keydown', (event) => {
    const buttons = [...list.children];
    const at = buttons.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); event.stopPropagation(); buttons[(at + step + buttons.length) % buttons.length].focus(); }
    if (event.key === 'Escape' || (event.key === 'Tab' && !head)) { event.preventDefault(); event.stopPropagation(); finish(); }
  });
  // A finger that was held until the menu came is let go over it: that chooses nothing.
  let pressed = false;
  node.addEventListener('pointerdown', () => { pressed = true; }, true);
  node.addEventListener('click', (event) => {
    if (pressed || event.detail === 0) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  (document.querySelector('dialog[open]') ?? document.querySelector('main') ?? document.body).append(node);
  node.showPopover?.();
  place(node, anchor);
  document.addEventListener('pointerdown', dismiss, true);
  addEventListener('resize', finish);
  const closed = router.overlay(finish);
  node.finish = finish;
  (list.firstElementChild ?? node.querySelector('button')).focus({ preventScroll: true });
}

export function closeMenu() {
  document.querySelector('.menu')?.finish?.();
}

function place(node, anchor) {
  const box = anchor instanceof Element ? anchor.getBoundingClientRect() : { left: anchor.x, right: anchor.x, top: anchor.y, bottom: anchor.y };
  const { width, height } = node.getBoundingClientRect();
  const gap = 6;
  const leftward = box.left + width + gap > innerWidth;
  const x = Math.max(gap, Math.min(leftward ? box.right - width : box.left, innerWidth - width - gap));
  const below = box.bottom + gap + height <= innerHeight;
  const y = below ? box.bottom + gap : Math.max(gap, box.top - height - gap);
  node.style.left = `${x}px`;
  node.style.top = `${y}px`;
}
