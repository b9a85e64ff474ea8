// Copies of the database: seen, and one more made.

import { h, icon } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { MtpError } from '../net/wire.js';
import { fullTime, size } from '../text/times.js';
import { describe, panel } from '../views/form.js';
import { toast } from '../views/overlay.js';
import { fill } from './panel.js';

export function backupsPanel(client) {
  const list = h('div.list-actions', { 'aria-busy': 'true' });
  const read = () => fill(list, async () => {
    const found = await client.whenReady(() => client.api.list('list_backups', 'backups'));
    if (found.length === 0) return h('p.hint.centred', {}, t('admin.backups.none'));
    return found.map((one) => h('div.row.setting', {}, icon('file'),
      h('span', {}, fullTime(one.made, locale()), h('small.hint', {}, [size(one.size, locale()), one.id].join(' · ')))));
  });
  const button = h('button.row.action', {
    type: 'button', onclick: async () => {
      button.disabled = true;
      try {
        await client.api.meta('make_backup');
        toast(t('admin.backup.made'));
      } catch (error) {
        // It goes on although nobody waits for it any more.
        toast(error instanceof MtpError && error.code === 408 ? t('admin.backup.slow') : describe(error));
      }
      button.disabled = false;
      read();
    },
  }, icon('plus'), t('admin.backup.make'));
  read();
  return panel(t('admin.backups'), [h('div.list-actions', {}, button), list, h('p.hint.centred', {}, t('admin.backups.restore'))], { back: '/admin' });
}
