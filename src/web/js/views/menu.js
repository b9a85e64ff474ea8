// Menus, which float above the page.

import { h, icon } from '../core/dom.js';
import { router } from '../core/router.js';
import { closeMenu } from './overlay.js';

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
  // A finger that is let go over the menu which it was held for chooses nothing.
  let pressed = false;
  node.addEventListener('pointerdown', () => { pressed = true; }, true);
  node.addEventListener('click', (event) => { if (!pressed && event.detail > 0) event.stopPropagation(); }, true);
  (document.querySelector('dialog[open]') ?? document.querySelector('main') ?? document.body).append(node);
  node.showPopover?.();
  place(node, anchor);
  document.addEventListener('pointerdown', dismiss, true);
  addEventListener('resize', finish);
  const closed = router.overlay(finish);
  node.finish = finish;
  (list.firstElementChild ?? node.querySelector('button')).focus({ preventScroll: true });
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
