// The marks for a selected text, above the field; and their keys.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';

const MARKS = [
  ['bold', '**', 'B', 'KeyB'], ['italic', '_', 'I', 'KeyI'], ['struck', '~~', 'S', null], ['code', '`', '{ }', null], ['spoiler', '||', '▒', null],
];

/** Puts `sign` around what is selected in `field`, or takes it away. */
export function toggleMark(field, sign) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const selected = value.slice(start, end);
  const marked = value.slice(start - sign.length, start) === sign && value.slice(end, end + sign.length) === sign;
  if (marked) field.setRangeText(selected, start - sign.length, end + sign.length, 'select');
  else { field.setRangeText(`${sign}${selected}${sign}`, start, end, 'end'); field.setSelectionRange(start + sign.length, end + sign.length); }
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

/** The sign that a key combination stands for, or null. */
export function markOf(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
  if (event.shiftKey) return event.code === 'KeyX' ? '~~' : event.code === 'KeyM' ? '`' : null;
  return MARKS.find(([, , , code]) => code === event.code)?.[1] ?? null;
}

/** A bar that shows itself while something is selected in `field`. */
export function formatBar(field) {
  const bar = h('div.format-bar', { role: 'toolbar', 'aria-label': t('format') }, MARKS.map(([name, sign, letter]) => h('button', {
    type: 'button', class: `format-${name}`, 'aria-label': t(`format.${name}`), title: t(`format.${name}`),
    onpointerdown: (event) => event.preventDefault(),
    onclick: () => toggleMark(field, sign),
  }, letter)));
  bar.hidden = true;
  const look = () => { bar.hidden = document.activeElement !== field || field.selectionStart === field.selectionEnd; };
  for (const type of ['select', 'keyup', 'pointerup', 'blur', 'input']) field.addEventListener(type, () => setTimeout(look));
  return bar;
}
