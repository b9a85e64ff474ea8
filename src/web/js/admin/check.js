// What `morelia check` says, as rows. Its sentences are the server's own, in English, and marked so.

import { h, icon, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { describe, panel } from '../views/form.js';

const SIGNS = { ok: 'check', warn: 'alert', FAIL: 'close' };

export function checkPanel(client) {
  const list = h('div.list-actions', { 'aria-live': 'polite' });
  const run = async () => {
    button.disabled = true;
    replace(list, h('p.hint.centred', {}, t('admin.check.busy')));
    try {
      const { rows } = await client.whenReady(() => client.api.meta('run_check'));
      // What needs somebody comes first.
      const weight = { FAIL: 0, warn: 1, ok: 2 };
      replace(list, [...rows].sort((a, b) => weight[a.result] - weight[b.result]).map(row));
    } catch (error) {
      replace(list, h('p.hint.centred', { role: 'alert' }, describe(error)));
    }
    button.disabled = false;
  };
  const button = h('button.row.action', { type: 'button', onclick: run }, icon('check'), t('admin.check.run'));
  run();
  return panel(t('admin.check'), [h('div.list-actions', {}, button), list], { back: '/admin' });
}

function row({ topic, result, text, remedy }) {
  return h('div.row.setting', { class: `check-${result.toLowerCase()}` }, icon(SIGNS[result] ?? 'alert'),
    h('span', {}, h('strong', {}, `${topic}: ${t(`admin.check.${result.toLowerCase()}`)}`),
      h('small.hint', { lang: 'en', dir: 'ltr' }, text), remedy && h('small.hint.remedy', { lang: 'en', dir: 'ltr' }, remedy)));
}
