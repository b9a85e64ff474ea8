// Signing in and up.

import { h } from '../core/dom.js';
import { LANGUAGE_NAMES, allTexts, chooseLanguage, currentLanguage, t } from '../core/i18n.js';
import { session } from '../core/session.js';
import { once } from '../net/once.js';
import { MtpError } from '../net/wire.js';
import { field, form } from './form.js';

/** `code`: an invitation's code, which opens the sign-up. `notice`: why the person sees this page. */
export function signView({ code = '', notice = '', mode = code ? 'up' : 'in', redraw }) {
  const up = mode === 'up';
  const fields = up ? [
    field(t('sign.login'), { name: 'login', required: true, maxlength: '64', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' }, t('sign.login.hint')),
    field(t('sign.name'), { name: 'username', maxlength: '256', autocomplete: 'name' }, t('sign.name.hint')),
    passwordField('new-password'),
    field(t('sign.code'), { name: 'code', value: code, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' }, t('sign.code.hint')),
  ] : [
    field(t('sign.login'), { name: 'login', required: true, maxlength: '64', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' }),
    passwordField('current-password'),
  ];
  const title = t(up ? 'sign.up' : 'sign.in');
  const other = h('button.link', { type: 'button', onclick: () => redraw({ code, mode: up ? 'in' : 'up' }) }, t(up ? 'sign.have' : 'sign.havenot'));
  const submit = form(title, [
    notice && h('p.notice', { role: 'status' }, notice),
    code && up && h('p.notice', {}, t('sign.invited')),
    ...fields,
    h('button.button.wide', {}, title),
  ], (data) => (up ? signUp(data) : signIn(data)), { className: 'sign-form' });
  const page = h('main.sign', {},
    h('div.sign-card', {},
      h('img.logo', { alt: '', src: new URL('../../icons/icon.svg', import.meta.url).href }),
      h('h1', {}, 'Morelia'),
      h('p.sign-lead', {}, t(up ? 'sign.up.lead' : 'sign.in.lead')),
      submit,
      other),
    languages(() => redraw({ code, mode, notice })));
  // Whose server this is can follow a moment later.
  import('../first/house.js').then(({ introduce }) => introduce(page)).catch(() => {});
  return page;
}

/** A choice of languages; `redraw` shows the page in the one that was chosen. */
export function languages(redraw) {
  return h('div.sign-languages', {}, Object.entries(LANGUAGE_NAMES).map(([language, name]) => h('button.link', {
    type: 'button', lang: language, 'aria-pressed': String(language === currentLanguage()),
    onclick: async () => { await chooseLanguage(language); redraw(); },
  }, name)));
}

/** A field for a password that can be shown. */
export function passwordField(autocomplete, label = t('sign.password')) {
  const node = field(label, { name: 'password', type: 'password', required: true, autocomplete });
  const input = node.querySelector('input');
  const toggle = h('button.link.reveal', {
    type: 'button', 'aria-pressed': 'false',
    onclick: () => {
      const show = input.type === 'password';
      input.type = show ? 'text' : 'password';
      toggle.setAttribute('aria-pressed', String(show));
      toggle.textContent = t(show ? 'sign.hide' : 'sign.show');
    },
  }, t('sign.show'));
  node.append(toggle);
  return node;
}

async function signIn({ login, password }) {
  const found = await ask((api) => api.signIn(login.trim(), password), { 401: 'sign.wrong' });
  session.begin(found.uuid, found.auth_id, login.trim());
}

async function signUp({ login, username, password, code }) {
  const [{ weakness }] = await Promise.all([import('../text/passwords.js'), allTexts()]);
  const weak = weakness(password);
  if (weak) throw new Error(t(weak));
  const fields = { login: login.trim(), password, username: username.trim() || login.trim() };
  const invitation = codeOf(code);
  if (invitation) fields.auth_id = invitation;
  const found = await ask((api) => api.signUp(fields), { 409: 'sign.taken', 403: invitation ? 'sign.badcode' : 'sign.needcode' });
  session.isNew = true;
  session.begin(found.uuid, found.auth_id, login.trim());
}

/** People paste the whole link where the code is asked for. */
export function codeOf(text) {
  return text.trim().replace(/^.*\/invite\//, '').replace(/[/?#].*$/, '');
}

/** A request without a session; where this page knows what to do next, it says so in the person's language. */
async function ask(work, sentences) {
  try {
    return await once(work);
  } catch (error) {
    // A reason of the server's own is better than what a code may mean; a wrong password has none.
    const told = ['suspended', 'throttled', 'registration_closed', 'bad_login', 'name_taken'].includes(error.refusal?.key);
    const key = error instanceof MtpError && !told ? sentences[error.code] : null;
    if (key) throw new Error(t(key));
    throw error;
  }
}
