// Polls: asked, answered, counted, closed.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { field, form } from '../views/form.js';
import { dialog } from '../views/overlay.js';
import { personRow } from '../views/people.js';

const MOST_OPTIONS = 12;

/** A poll in its bubble. A vote is told to `data-act="vote"`. */
export function pollNodes(poll, message) {
  const counts = poll.counts ?? poll.options.map(() => 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mine = poll.mine ?? [];
  const voted = mine.length > 0;
  const open = !poll.closed && message.number !== null;
  return h('div.poll', { class: poll.many ? 'poll-many' : '' },
    h('strong.poll-question', { dir: 'auto' }, poll.question),
    h('p.poll-kind', {}, [t(poll.anonymous ? 'poll.anonymous' : 'poll.public'), poll.many && t('poll.many'), poll.closed && t('poll.closed')].filter(Boolean).join(' · ')),
    h('div.poll-options', { role: 'group', 'aria-label': poll.question }, poll.options.map((option, i) => {
      const share = total > 0 ? Math.round((counts[i] / total) * 100) : 0;
      const shown = voted || poll.closed;
      const bar = h('span.poll-bar', { 'aria-hidden': 'true' });
      bar.style.width = `${shown ? share : 0}%`;
      return h('button.poll-option', {
        type: 'button', 'data-act': 'vote', 'data-option': String(i), disabled: !open, 'aria-pressed': String(mine.includes(i)),
        'aria-label': shown ? `${option}: ${t('poll.votes', { n: counts[i] })}` : option,
      }, h('span.poll-tick', {}, mine.includes(i) && icon('check')), h('span.poll-text', { dir: 'auto' }, option), shown && h('span.poll-share', {}, `${share}%`), bar);
    })),
    h('button.link.poll-total', { type: 'button', 'data-act': 'voters', disabled: poll.anonymous || total === 0 }, t('poll.votes', { n: total })));
}

/** What is chosen after a tap on `option`. Pure. */
export function choose(poll, option) {
  const mine = poll.mine ?? [];
  if (mine.includes(option)) return mine.filter((one) => one !== option);
  return poll.many ? [...mine, option].sort((a, b) => a - b) : [option];
}

/** Who voted for what. */
export function showVoters(poll, store) {
  return dialog(t('poll.results'), (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
    h('h2', { dir: 'auto' }, poll.question),
    poll.options.map((option, i) => [
      h('h3.section-title', { dir: 'auto' }, `${option} · ${poll.counts[i]}`),
      (poll.voters?.[i] ?? []).map((id) => personRow(store.users.get(id) ?? { uuid: id }, { tag: 'div' })),
    ]),
    h('div.actions', {}, h('button.button', { autofocus: true }, t('close')))));
}

/** Asks for a question and its options; `send(poll)` is called with them. */
export function askPoll(send) {
  const options = h('div.poll-fields', {});
  const add = () => {
    if (options.childElementCount >= MOST_OPTIONS) return;
    const n = options.childElementCount + 1;
    const input = h('input', { name: 'option', maxlength: '100', autocomplete: 'off', 'aria-label': t('poll.option', { n }), placeholder: t('poll.option', { n }) });
    // The last one is always empty: it makes the next.
    input.addEventListener('input', () => { if (input === options.lastElementChild.querySelector('input') && input.value !== '') add(); });
    options.append(h('div.field', {}, input));
  };
  add();
  add();
  const box = (name, key) => h('label.check', {}, h('input', { type: 'checkbox', name }), t(key));
  return dialog(t('poll.new'), (close) => {
    const node = form(t('poll.new'), [
      h('h2', {}, t('poll.new')),
      field(t('poll.question'), { name: 'question', required: true, maxlength: '300', autocomplete: 'off', autofocus: true }),
      options, box('many', 'poll.many.ask'), box('anonymous', 'poll.anonymous.ask'),
      h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('composer.send'))),
    ], async (data) => {
      const texts = [...options.querySelectorAll('input')].map((input) => input.value.trim()).filter((text) => text !== '');
      if (texts.length < 2) throw new Error(t('poll.few'));
      send({ question: data.question.trim(), options: texts, many: data.many !== undefined, anonymous: data.anonymous !== undefined });
      close();
    });
    return node;
  });
}

