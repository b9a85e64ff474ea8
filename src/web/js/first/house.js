// Whose server this is, told to those who have not signed in: its name, how to reach whoever runs it,
// and what to do without a password.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { rest } from '../core/rest.js';

/** What a contact may lead to; anything else is shown as it is. */
const ADDRESS = /^(?:mailto:|tel:|https:\/\/)/iu;

/** Completes the page for signing in. */
export async function introduce(page) {
  const [about] = await Promise.all([told(), rest()]);
  if (about.title) {
    page.querySelector('h1').textContent = about.title;
    page.querySelector('.sign-host')?.remove();
    page.querySelector('h1').after(h('p.sign-host', {}, location.host));
  }
  const form = page.querySelector('.sign-form');
  const contact = about.contact ? reach(about.contact) : null;
  if (form.elements.login && !form.elements.code) {
    const help = h('div.sign-help', { hidden: true }, ...forgotten(contact));
    const button = h('button.link', { type: 'button', 'aria-expanded': 'false', onclick: () => {
      help.hidden = !help.hidden;
      button.setAttribute('aria-expanded', String(!help.hidden));
    } }, t('house.forgot'));
    form.after(h('div.sign-forgot', {}, button, help));
  } else if (contact) {
    form.after(h('p.sign-help', {}, t('house.invitation'), ' ', contact));
  }
}

async function told() {
  const answer = await fetch('/version').catch(() => null);
  return answer?.ok ? answer.json().catch(() => ({})) : {};
}

function forgotten(contact) {
  return [
    h('p', {}, t('house.forgot.ask'), contact && [' ', contact]),
    h('p', {}, t('house.forgot.link')),
  ];
}

function reach(contact) {
  if (!ADDRESS.test(contact)) return h('bdi', {}, contact);
  return h('a', { href: contact, rel: 'noopener noreferrer', target: /^https/iu.test(contact) ? '_blank' : undefined }, contact.replace(/^(?:mailto|tel):/iu, ''));
}
