// What administrators and the operator did, newest first: read by administrators.

import { h, icon, replace } from '../core/dom.js';
import { locale, has, t } from '../core/i18n.js';
import { fullTime, size } from '../text/times.js';
import { describe, panel } from '../views/form.js';

export function auditPanel(client) {
  const list = h('div.list-actions', { 'aria-busy': 'true' });
  let entries = [];

  async function read(after) {
    try {
      const { data, errors } = await client.whenReady(() => client.api.ask('list_audit', after ? { meta: { after } } : {}));
      entries = [...entries, ...(data.meta?.audit ?? [])];
      replace(list, entries.map(row),
        entries.length === 0 && h('p.hint.centred', {}, t('audit.none')),
        errors?.code === 206 && h('button.row.action', { type: 'button', onclick: () => read(entries.at(-1).id) }, icon('down'), t('search.more')));
    } catch (error) {
      replace(list, h('p.hint.centred', { role: 'alert' }, describe(error)));
    }
    list.removeAttribute('aria-busy');
  }

  read();
  return panel(t('admin.audit'), [h('p.hint.centred', {}, t('audit.hint')), list], { back: '/admin' });
}

function row(entry) {
  const key = `audit.${entry.act}`;
  const about = [entry.what, entry.of && name(entry.of, entry.what), detail(entry)].filter(Boolean);
  const by = entry.by ? name(entry.by) : t('audit.operator');
  return h('div.row.setting.audit', {}, icon('clock'), h('span', {},
    has(key) ? t(key) : entry.act,
    about.length > 0 && h('small', { dir: 'auto' }, about.join(' · ')),
    h('small.hint', {}, `${fullTime(entry.time, locale())} · `, h('bdi', {}, by))));
}

/** Who it was; an account that is gone has no name any more, unless the entry itself knows it. */
function name({ login }, known = null) {
  if (login) return `@${login}`;
  return known === null ? t('person.deleted') : '';
}

function detail({ act, detail: value }) {
  switch (act) {
    case 'quota_set': return value === null ? t('audit.quota.default') : size(Number(value), locale());
    case 'registration_set': return t(`admin.registration.${value}`);
    case 'level_set': return t(`audit.level.${value}`);
    case 'messages_pruned': return t('audit.before', { time: fullTime(Number(value), locale()) });
    default: return value;
  }
}
