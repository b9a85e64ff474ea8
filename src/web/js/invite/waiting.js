// Invitations that wait for an answer, at the top of the list of conversations.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { nameOf } from '../data/message.js';

/** A row that asks: accept or decline. */
export function invitedRow(client, invited) {
  const { store } = client;
  const by = invited.by ? nameOf(store.users.get(invited.by), t) : null;
  const answer = (work) => async (event) => {
    const row = event.target.closest('li');
    for (const button of row.querySelectorAll('button')) button.disabled = true;
    try {
      await work();
    } catch (error) {
      const [{ toast }, { describe }] = await Promise.all([import('../views/overlay.js'), import('../views/form.js')]);
      toast(describe(error));
      for (const button of row.querySelectorAll('button')) button.disabled = false;
    }
  };
  const title = invited.title || t(`flow.${invited.type}`);
  return h('div.row.invited', {},
    h('span.choice-icon', {}, icon(invited.type === 'channel' ? 'channel' : 'people')),
    h('span.row-words', {},
      h('span.row-title', {}, h('bdi', {}, title)),
      h('span.row-text', {}, by ? t('invited.by', { name: by }) : t('invited')),
      h('span.actions', {},
        h('button.button', { type: 'button', 'aria-label': t('invited.accept.to', { title }), onclick: answer(async () => { await client.accept(invited.flow); router.go(`/f/${invited.flow}`); }) }, t('invited.accept')),
        h('button.button.quiet', { type: 'button', 'aria-label': t('invited.decline.to', { title }), onclick: answer(() => client.decline(invited.flow)) }, t('invited.decline')))));
}
