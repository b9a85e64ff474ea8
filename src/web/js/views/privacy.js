// What others are told of oneself, who is asked first, and whom one blocks.

import { h, icon, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { describe, panel } from './form.js';
import { toast } from './overlay.js';
import { personRow } from './people.js';

export function privacyPanel(client) {
  const { store } = client;
  const switches = h('div.list-actions', {});
  const blocked = h('div.list-actions', {});

  const set = async (change) => {
    try {
      const { me } = await client.api.editProfile({}, change);
      if (me) store.putAccount(me);
    } catch (error) {
      toast(describe(error));
    }
    draw();
  };
  const box = (key, name) => h('label.row.setting', {}, icon(name),
    h('span', {}, t(`privacy.${key}`), h('small.hint', {}, t(`privacy.${key}.hint`))),
    h('input', { type: 'checkbox', role: 'switch', checked: store.account?.[key] === true, onchange: (event) => set({ [key]: event.target.checked }) }));

  function draw() {
    replace(switches, box('share_seen', 'clock'), box('share_read', 'check'), box('ask_first', 'people'),
      h('label.row.setting', {}, icon('bell'), h('span', {}, t('privacy.push')),
        h('select', { onchange: (event) => set({ push_content: event.target.value }) },
          ['full', 'names', 'none'].map((value) => h('option', { value, selected: store.account?.push_content === value }, t(`privacy.push.${value}`))))));
  }

  async function drawBlocked() {
    const unknown = [...store.blocked].filter((id) => !store.users.has(id));
    if (unknown.length > 0) for (const user of await client.api.users(unknown).catch(() => [])) store.putUser(user);
    replace(blocked, h('h2.section-title', {}, t('privacy.blocked')),
      store.blocked.size === 0 && h('p.hint.centred', {}, t('privacy.blocked.none')),
      [...store.blocked].map((id) => {
        const user = store.users.get(id) ?? { uuid: id };
        return h('div.row.setting', {}, personRow(user, { tag: 'span' }),
          h('button.button.quiet', {
            type: 'button', 'aria-label': t('unblock.name', { name: nameOf(user, t) }),
            onclick: () => client.block(id, false).then(drawBlocked, (error) => toast(describe(error))),
          }, t('unblock')));
      }));
  }

  draw();
  drawBlocked();
  return panel(t('privacy.title'), [switches, blocked], { back: '/settings' });
}
