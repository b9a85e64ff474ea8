// Steps that open accounts want the administrator's own password again: a telephone that was left
// lying about must not be enough.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { MtpError } from '../net/wire.js';
import { field, form } from '../views/form.js';
import { dialog } from '../views/overlay.js';

/** Asks `question` and for the password; does `work(password)`. Resolves with what it gave, or null. */
export function withPassword(question, { text = '', action, danger = false }, work) {
  return dialog(question, (close) => form(question, [
    h('h2', { dir: 'auto' }, question),
    text && h('p', {}, text),
    field(t('admin.password'), { name: 'password', type: 'password', required: true, autocomplete: 'current-password', autofocus: true }),
    h('div.actions', {},
      h('button.button.quiet', { type: 'button', onclick: () => close(null) }, t('cancel')),
      h('button.button', { class: danger ? 'danger' : '' }, action)),
  ], async ({ password }) => {
    try {
      close((await work(password)) ?? true);
    } catch (error) {
      if (error instanceof MtpError && error.code === 401) throw new Error(t('password.wrong'));
      throw error;
    }
  }));
}
