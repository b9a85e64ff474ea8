// The page of a link by which somebody sets a new password.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { session } from '../core/session.js';
import { Database } from '../data/database.js';
import { once } from '../net/once.js';
import { MtpError } from '../net/wire.js';
import { weakness } from '../text/passwords.js';
import { field, form } from './form.js';
import { languages, passwordField } from './sign.js';

/** Whom a code is for: `{uuid, login}`; null for one that is not good any more. */
export async function whose(code) {
  try {
    return await once((api) => api.resetOf(code));
  } catch (error) {
    if (error instanceof MtpError && error.code === 404) return null;
    throw error;
  }
}

/**
 * Asks for the new password twice. Who is signed in as somebody else is told for whom the link is, and
 * asked first; `leave()` goes back to that person's conversations.
 */
export function resetView({ code, user, leave, redraw }) {
  const other = session.current && session.current.uuid !== user.uuid ? session.current : null;
  const ask = (node) => h('main.sign', {},
    h('div.sign-card', {}, h('h1', {}, t('reset.title')), node),
    languages(() => redraw({ code, user, leave, redraw })));
  const page = ask(other ? question({ user, other, leave, go: () => page.replaceWith(ask(passwordForm(code, user))) }) : passwordForm(code, user));
  return page;
}

function question({ user, other, leave, go }) {
  const name = other.login || t('reset.somebody');
  return h('form.question', { 'aria-label': t('reset.title'), onsubmit: (event) => { event.preventDefault(); go(); } },
    h('p.notice', { role: 'status' }, t('reset.other', { login: user.login, other: name })),
    h('p', {}, t('reset.other.text', { login: user.login, other: name })),
    h('div.actions', {},
      h('button.button.quiet', { type: 'button', onclick: leave }, t('reset.stay', { other: name })),
      h('button.button', {}, t('reset.go', { login: user.login }))));
}

function passwordForm(code, user) {
  return form(t('reset.title'), [
    h('p.sign-lead', {}, t('reset.lead', { login: user.login })),
    // Password managers keep the new password with this login.
    h('input.visually-hidden', { name: 'login', value: user.login, autocomplete: 'username', readonly: true, tabindex: '-1', 'aria-hidden': 'true' }),
    passwordField('new-password', t('password.new')),
    field(t('reset.again'), { name: 'again', type: 'password', required: true, autocomplete: 'new-password' }),
    h('p.hint', {}, t('reset.hint')),
    h('button.button.wide', {}, t('reset.set')),
  ], async ({ password, again }) => {
    const weak = weakness(password);
    if (weak) throw new Error(t(weak));
    if (password !== again) throw new Error(t('reset.differ'));
    const found = await set(code, password);
    await signOutOther(user);
    session.begin(found.uuid, found.auth_id, user.login);
  }, { className: 'sign-form' });
}

async function set(code, password) {
  try {
    return await once((api) => api.useReset(code, password));
  } catch (error) {
    if (error instanceof MtpError && error.code === 404) throw new Error(t('reset.gone'));
    throw error;
  }
}

/** Whoever was signed in here has agreed to go; nothing of theirs stays on this device. */
async function signOutOther(user) {
  const before = session.current;
  if (!before || before.uuid === user.uuid) return;
  await once((api) => api.logout(false)).catch(() => {});
  await new Database().forget(before.uuid).catch(() => {});
  session.end('replaced');
}
