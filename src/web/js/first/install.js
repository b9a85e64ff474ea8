// Installing as an app: offered once on a device, to somebody who has come back and has conversations.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { isStandalone } from '../core/push.js';
import { session } from '../core/session.js';

const KEY = 'morelia.install';
/** Who opens it a second time has found a use for it. */
const STARTS = 2;

/** Shows the offer above the list when its moment has come; returns what ends it. */
export function offerInstall(client, place) {
  const kept = localStorage.getItem(KEY);
  if (kept === 'done') return () => {};
  const starts = Number(kept ?? 0) + 1;
  localStorage.setItem(KEY, String(starts));
  const card = h('section.first-card', { 'aria-label': t('install.title') });
  let off = () => {};
  const end = () => { off(); card.remove(); };
  const done = () => { localStorage.setItem(KEY, 'done'); end(); };
  const show = () => {
    if (card.isConnected || starts < STARTS || isStandalone() || ![...client.store.flows.values()].some((flow) => flow.history.count > 0)) return;
    const event = session.install;
    if (!event && !isApple()) return;
    replace(card,
      h('header', {}, h('span.first-mark', {}, icon('download')), h('h2', {}, t('install.title')), iconButton('close', t('install.later'), done)),
      h('p', {}, t(event ? 'install.text' : 'install.apple')),
      event && h('div.actions', {},
        h('button.button.quiet', { type: 'button', onclick: done }, t('install.later')),
        h('button.button', { type: 'button', onclick: () => { session.install.prompt()?.catch?.(() => {}); done(); } }, t('install.action'))));
    place.append(card);
  };
  off = session.on('install', show);
  show();
  return end;
}

/** Safari on a telephone has no event for it: a person is told where it is. */
function isApple() {
  return isSecureContext && /iPhone|iPad|iPod/.test(navigator.userAgent);
}
