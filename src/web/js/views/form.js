// Pieces that all forms share: fields with their labels, errors beside what caused them, panels.

import { h, iconButton } from '../core/dom.js';
import { allTexts, currentLanguage, has, t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { uniqueText } from '../core/random.js';
import { ConnectionLost } from '../net/wire.js';

/** A labelled input; the attributes go to the input. */
export function field(label, attributes = {}, hint = '') {
  const id = `field-${uniqueText().slice(0, 8)}`;
  const tag = attributes.rows ? 'textarea' : 'input';
  return h('div.field', {},
    h('label', { for: id }, label),
    h(tag, { id, ...attributes, 'aria-describedby': hint ? `${id}-hint` : undefined }),
    hint && h('p.hint', { id: `${id}-hint` }, hint));
}

/** A form that runs `submit(data, node)` once at a time and shows what went wrong. */
export function form(label, children, submit, { className = '' } = {}) {
  const error = h('p.form-error', { role: 'alert' });
  const node = h('form', {
    'aria-label': label, class: className, novalidate: true,
    onsubmit: async (event) => {
      event.preventDefault();
      if (node.dataset.busy) return;
      const empty = [...node.elements].find((one) => one.required && one.value.trim() === '');
      if (empty) { empty.focus(); error.textContent = t('error.required'); return; }
      error.textContent = '';
      node.dataset.busy = 'yes';
      try {
        await submit(Object.fromEntries(new FormData(node)), node);
      } catch (problem) {
        // What can go wrong is told by texts that the first page does without.
        await allTexts().catch(() => {});
        error.textContent = describe(problem);
      } finally {
        delete node.dataset.busy;
      }
    },
  }, children, error);
  return node;
}

/** A sentence for a person about what went wrong, in the person's language. */
export function describe(error) {
  if (error instanceof ConnectionLost) return t('error.connection');
  if (error.refusal !== undefined) return refusalText(error);
  return error.message || t('error.unknown');
}

/** `{refusal, detail}` in words: by its key, else by the server's own sentence where that is in this language. */
export function refusalText({ refusal, detail }) {
  const key = `refusal.${refusal?.key}`;
  if (refusal && has(key)) return t(key, refusal.values ?? {});
  return currentLanguage() === 'en' && detail ? detail : t('error.refused');
}

/** A page of the side pane: a head with the way back, and what scrolls below it. */
export function panel(title, children, { back = '/', className = '', foot = null } = {}) {
  return h('section.panel', { class: className, 'aria-label': title },
    h('header.bar', {}, iconButton('back', t('back'), () => router.back(back)), h('h1', {}, title)),
    h('div.scroll', {}, children),
    foot && h('div.panel-foot', {}, foot));
}
