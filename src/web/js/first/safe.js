// Why a page without encryption can do less, and how its owner gives it encryption.

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { dialog } from '../views/overlay.js';

/** To an administrator: what to type on the server. To others: whom to ask. `why` is the sentence that it begins with. */
export async function explainSafe(client, why = t('safe.why')) {
  const admin = client.store.account?.admin;
  // There where the server is its own authority: a device has only to be told to trust it.
  const trust = await fetch('/trust', { method: 'HEAD' }).then((answer) => answer.ok, () => false);
  const check = await dialog(t('safe.title'), (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(false); } },
    h('h2', {}, t('safe.title')),
    h('p', {}, why),
    trust && h('p', {}, t('safe.trust'), ' ', h('a', { href: '/trust' }, t('push.how'))),
    !trust && !admin && h('p', {}, t('safe.ask')),
    !trust && admin && [
      h('p', {}, t('safe.public')), h('pre.command', { tabindex: '0' }, `[server]\nport = 443\nhttp_port = 80\npublic_url = https://${name()}\n\n[tls]\nacme = ${name()}\nacme_terms = agreed`),
      h('p', {}, t('safe.home')), h('pre.command', { tabindex: '0' }, '[tls]\nlocal_ca = on'),
      h('p', {}, t('safe.restart')),
    ],
    h('div.actions', {},
      admin && h('button.button.quiet', { type: 'button', onclick: () => close(true) }, t('safe.check')),
      h('button.button', { autofocus: true }, t('close')))));
  if (check) router.go('/admin/check');
}

/** The name that a certificate would be for: the page's own, where that is one. */
function name() {
  return /[a-z]/iu.test(location.hostname) && location.hostname.includes('.') ? location.hostname : 'chat.example.org';
}
