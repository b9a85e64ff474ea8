// What the pure modules of the client do, in a browser and without one: `load(path)` gives a module,
// `same(name, found, wanted)` takes a finding.

// Links: found, trimmed, and nothing but the web and mail.
const { linkify, mark, isOnlyEmoji } = await load('text/linkify.js');
const links = (text) => linkify(text).filter((piece) => piece.href).map((piece) => [piece.text, piece.href]);
same('plain text is one piece', linkify('no link here'), [{ text: 'no link here' }]);
same('an address', links('see https://a.example/x?y=1#z now'), [['https://a.example/x?y=1#z', 'https://a.example/x?y=1#z']]);
same('a full stop is not part', links('at http://a.example.'), [['http://a.example', 'http://a.example/']]);
same('brackets around', links('(https://a.example/b)'), [['https://a.example/b', 'https://a.example/b']]);
same('brackets within', links('https://a.example/b_(c)'), [['https://a.example/b_(c)', 'https://a.example/b_(c)']]);
same('www gets a scheme', links('www.a.example'), [['www.a.example', 'https://www.a.example/']]);
same('mail', links('write to ann.b@a.example!'), [['ann.b@a.example', 'mailto:ann.b@a.example']]);
same('no script', links('javascript:alert(1) data:text/html,x vbscript:x file:///etc'), []);
same('no markup inside', links('https://a.example/"onmouseover="alert(1)'), [['https://a.example/', 'https://a.example/']]);
same('no turning of text', links('https://a.example/\u202egpj.exe'), [['https://a.example/', 'https://a.example/']]);
for (const text of ['a https://x.example b www.y.example, c@d.example', '<b>&amp;</b> http://', '@@@ https://[::1', '']) {
  same(`pieces join again: ${text}`, linkify(text).map((piece) => piece.text).join(''), text);
}
same('hits are marked', mark('Lake and lake', 'LAKE'), [{ text: 'Lake', hit: true }, { text: ' and ', hit: false }, { text: 'lake', hit: true }]);
same('nothing to mark', mark('abc', ' '), [{ text: 'abc', hit: false }]);
same('only emoji', ['🎉', '🎉🥧', '👨‍👩‍👧', 'a🎉', '1', '', '🎉🎉🎉🎉'].map(isOnlyEmoji), [true, true, true, false, false, false, false]);

// Days and groups.
const { arrangeMessages } = await load('text/grouping.js');
const noon = new Date(2026, 10, 20, 12).getTime() / 1000;
const message = (number, from, time) => ({ number, from, time, key: String(number) });
const shape = (days) => days.map((day) => day.items.map((item) => `${item.first ? 'f' : ''}${item.last ? 'l' : ''}${item.newAbove ? 'n' : ''}`));
same('one author close together', shape(arrangeMessages([message(0, 'a', noon), message(1, 'a', noon + 10), message(2, 'a', noon + 20)], null)), [['f', '', 'l']]);
same('another author', shape(arrangeMessages([message(0, 'a', noon), message(1, 'b', noon + 10)], null)), [['fl', 'fl']]);
same('a pause', shape(arrangeMessages([message(0, 'a', noon), message(1, 'a', noon + 301)], null)), [['fl', 'fl']]);
same('the new messages line', shape(arrangeMessages([message(0, 'a', noon), message(1, 'a', noon + 1)], 1)), [['fl', 'fln']]);
same('the message above decides', shape(arrangeMessages([message(1, 'a', noon)], null, message(0, 'a', noon - 1))), [['l']]);
same('days', arrangeMessages([message(0, 'a', noon - 86400), message(1, 'a', noon)], null).map((day) => day.day), ['2026-11-19', '2026-11-20']);
const happened = { key: 'events 0', time: noon + 5, lines: [] };
same('events part a group', shape(arrangeMessages([message(0, 'a', noon), happened, message(1, 'a', noon + 10)].map((one) => one), null).map((day) => ({ ...day, items: day.items.filter((item) => item.message) }))), [['fl', 'fl']]);

const { dayName, daysBetween, shortTime, size } = await load('text/times.js');
const words = { today: 'Today', yesterday: 'Yesterday' };
same('day names', [0, 1, 2, 400].map((days) => dayName(noon - days * 86400, noon, 'en-GB', words)), ['Today', 'Yesterday', '18 November', '16 October 2025']);
same('midnight between', daysBetween(new Date(2026, 10, 19, 23, 59).getTime() / 1000, new Date(2026, 10, 20, 0, 1).getTime() / 1000), 1);
same('short times', [0, 1, 30].map((days) => shortTime(noon - days * 86400, noon, 'en-GB')), ['12:00', 'Thu', '21/10/26']);
same('sizes', [size(1, 'en'), size(1500, 'en'), size(2_500_000, 'en')], ['1 byte', '1.5 kB', '2.5 MB']);

// People.
const { initials, hue } = await load('text/people.js');
same('initials', ['Anna Petrova', 'anna', 'Борис Иванов', '❤', 'a.b', '  '].map(initials), ['AP', 'A', 'БИ', '❤', 'AB', '?']);
same('colours are within', Array.from({ length: 500 }, (_, i) => hue(`19${i}`)).every((one) => Number.isInteger(one) && one >= 0 && one < 8), true);
same('all colours are used', new Set(Array.from({ length: 500 }, (_, i) => hue(`19${i}`))).size, 8);

// Passwords that are guessed first.
const { weakness } = await load('text/passwords.js');
same('weak passwords', ['1234567', 'пароль', 'Password123', 'ЙЦУКЕНГШ', 'zzzzzzzz'].map(weakness), ['password.short', 'password.short', 'password.common', 'password.common', 'password.common']);
same('good passwords', ['correct horse battery', 'Пять слов о погоде'].map(weakness), [null, null]);

// Files are what their bytes say.
const { isBroad, isDecodable, sniff, pictureSize } = await load('media/sniff.js');
const bytes = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));
const kinds = ['\xff\xd8\xff\xe0', '\x89PNG\r\n\x1a\n', 'GIF89a', 'RIFF0000WEBPVP8 ', '0000ftypmp42', '\x1aE\xdf\xa3', 'OggS', 'ID3', 'RIFF0000WAVE', '%PDF', '<svg xmlns=', '<script>', '', 'PK\x03\x04'];
same('kinds', kinds.map((start) => sniff(bytes(start)).kind), ['picture', 'picture', 'picture', 'picture', 'video', 'video', 'audio', 'audio', 'audio', 'document', 'document', 'document', 'document', 'document']);
const png = (width, height) => Uint8Array.from([...bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'), ...[width, height].flatMap((side) => [side >>> 24, (side >> 16) & 255, (side >> 8) & 255, side & 255]), 8, 2, 0, 0, 0]);
same('what a stranger made is decoded if it is no larger than a screen or ten', [png(8, 4), png(7000, 5000), png(65536, 65536), png(0, 4), bytes('\x89PNG\r\n\x1a\n'), bytes('<svg'), bytes('\xff\xd8\xff')].map(isDecodable), [true, true, false, false, false, false, false]);
same('broad pictures', [[480, 251], [480, 480], [120, 60], [300, 250], [299, 250], [0, 0]].map(([width, height]) => isBroad({ width, height })), [true, false, false, true, false, false]);
same('without a size, none is broad', isBroad({}), false);
same('a broken picture', pictureSize(bytes('\x89PNG\r\n\x1a\n'), 'image/png'), null);
const { fileName, readFiles } = await load('media/attachments.js');
same('file names', ['recipe.pdf', 'a b.tar.gz', 'See you.', 'http://a.b/c', 'Отчёт.docx', 'two\nlines.txt'].map(fileName), ['recipe.pdf', 'a b.tar.gz', null, null, 'Отчёт.docx', null]);
same('files of a message', readFiles([{ id: 'a', kind: 'picture', type: 'image/png', size: 3 }])[0], { id: 'a', kind: 'picture', type: 'image/png', size: 3, width: 0, height: 0, extension: 'png' });
same('a page sent as a picture is a document', readFiles([{ id: 'a', kind: 'picture', size: 9 }, { id: 'b', kind: 'video', type: 'image/png', size: 9 }]).map((file) => file.kind), ['document', 'document']);
const { safeType } = await load('media/loader.js');
same('types that a page gives', [{ kind: 'picture', type: 'image/png' }, { kind: 'document', type: 'image/png' }, { kind: 'picture', type: 'image/svg+xml' }, { kind: 'picture' }].map(safeType), ['image/png', 'application/octet-stream', 'application/octet-stream', 'application/octet-stream']);
const { fromBase64, toBase64 } = await load('media/base64.js');
same('base64 there and back', await toBase64(new Blob([fromBase64('AAEC/f7/')])), 'AAEC/f7/');

const { strip, placesIn } = await load('media/strip.js');
const chunk = (...parts) => Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...part].map((sign) => sign.charCodeAt(0)) : part)));
const exif = (turned) => ['Exif\0\0MM', 0, 42, 0, 0, 0, 8, 0, 2, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turned, 0, 0, 0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 99, 0, 0, 0, 0];
const segment = (marker, ...parts) => { const body = chunk(...parts); return [0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body]; };
const picture = chunk([0xff, 0xd8], segment(0xe0, 'JFIF'), segment(0xe1, ...exif(6)), segment(0xe2, 'ICC'), segment(0xfe, 'my home'), [0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9]);
const cleaned = strip(picture, 'image/jpeg');
const signs = (array) => String.fromCharCode(...array);
same('a JPEG without its tales', [signs(cleaned).includes('my home'), signs(cleaned).includes('\x88\x25'), signs(cleaned).includes('ICC'), signs(cleaned).endsWith('\x01\x02\x03\xff\xd9')], [false, false, true, true]);
same('turned as before', [...cleaned.subarray(2, 6), cleaned[31]], [0xff, 0xe1, 0, 34, 6]);
same('nothing to take out', strip(cleaned.subarray(0), 'image/png').length, cleaned.length);
const pngOf = (...chunks) => chunk('\x89PNG\r\n\x1a\n', ...chunks.map(([name, data]) => [0, 0, 0, data.length, ...chunk(name, data), 0, 0, 0, 0]));
same('a PNG', signs(strip(pngOf(['IHDR', 'x'], ['tEXt', 'home'], ['eXIf', 'gps'], ['IEND', '']), 'image/png')), signs(pngOf(['IHDR', 'x'], ['IEND', ''])));
const riff = (...chunks) => { const body = chunks.flatMap(([name, data]) => [...chunk(name), data.length, 0, 0, 0, ...chunk(data)]); return chunk('RIFF', [body.length + 4, 0, 0, 0], 'WEBP', body); };
same('a WebP', signs(strip(riff(['VP8X', '\x0c000000000'], ['VP8 ', 'data'], ['EXIF', 'gps!']), 'image/webp')), signs(riff(['VP8X', '\x00000000000'], ['VP8 ', 'data'])));
const box = (name, ...parts) => { const body = chunk(...parts); return [0, 0, 0, body.length + 8, ...chunk(name), ...body]; };
same('where a film was taken', placesIn(chunk(box('moov', box('mvhd', 'xx'), box('udta', box('\xa9xyz', '+59.9+030.3/'), box('name', 'x')), box('meta', 'keys')))).map(([, name]) => name), ['\xa9xyz', 'meta']);
const cut = picture.subarray(0, 30);
same('cut short is left alone', strip(cut, 'image/jpeg') === cut, true);

const { reduce, peaksOf } = await load('files/waveform.js');
same('a wave', [peaksOf(reduce([0, 50, 100]), 3), peaksOf(reduce(Array.from({ length: 900 }, () => 7)), 2), peaksOf('%', 2)], [[0, 128, 255], [255, 255], [20, 20]]);

// The small markup.
const { closeHidden, parse: parseMarkup, hasMarks, plainWords } = await load('text/markup.js');
const flat = (parts) => parts.map((part) => (part.text !== undefined ? part.text : part.code !== undefined ? `<code>${part.code}</code>` : `<${part.mark}>${flat(part.parts)}</${part.mark}>`)).join('');
const drawn = (text) => parseMarkup(text).map((block) => {
  if (block.type === 'code') return `<pre>${block.text}</pre>`;
  if (block.type === 'list') return `<${block.ordered ? 'ol' : 'ul'}>${block.items.map((item) => `<li>${flat(item)}</li>`).join('')}</${block.ordered ? 'ol' : 'ul'}>`;
  return block.type === 'quote' ? `<quote>${flat(block.parts)}</quote>` : flat(block.parts);
}).join('|');
for (const [text, wanted] of MARKUP) same(`markup: ${text}`, drawn(text), wanted);
same('marks that never close are given up', [30, 5000].map((count) => drawn(`${'**a '.repeat(count)}\n- **b**`).endsWith('<li><bold>b</bold></li></ul>')), [true, false]);
same('plain is plain', MARKUP.filter(([text, wanted]) => hasMarks(text) !== (wanted !== text) && !text.includes('\\') && !text.includes('`')).map(([text]) => text), []);
same('words alone', ['the **cake** and `x`', 'it was ||the _gardener_|| then', '> a\n- b\n- c\n```\n||d||\n```', 'a || b || c'].map(plainWords), ['the cake and x', 'it was \u2592\u2592\u2592\u2592 then', 'a\nb\nc\n||d||', 'a || b || c']);
same('cut where words are hidden', ['it was ||the gard', 'it was ||the ', 'a **b ||c _d', '> so ||e', 'it was ||x\\', 'it was ||', 'a || b', '||a|| b', '||a|| and ||b'].map((text) => plainWords(closeHidden(text))),
  ['it was \u2592\u2592\u2592\u2592', 'it was \u2592\u2592\u2592\u2592', 'a **b \u2592\u2592\u2592\u2592', 'so \u2592\u2592\u2592\u2592', 'it was \u2592\u2592\u2592\u2592', 'it was ||', 'a || b', '\u2592\u2592\u2592\u2592 b', '\u2592\u2592\u2592\u2592 and \u2592\u2592\u2592\u2592']);

// Names that are called.
const { callAt, calls, mentionsIn } = await load('mentions/complete.js');
same('what is being called', ['@an', 'hi @an', 'mail@an', 'x (@Б', '@an '].map((text) => callAt(text, text.length)?.query ?? null), ['an', 'an', null, 'Б', null]);
same('calls', [calls('hi @anna!', 'Anna'), calls('@annabel', 'anna'), calls('x@anna', 'anna'), calls('@anna.', 'anna')], [true, false, false, true]);
same('who is called', [mentionsIn('@anna and @all', [{ uuid: '1', login: 'anna' }, { uuid: '2', login: 'bob' }]), mentionsIn('nobody', []), mentionsIn('@zed', [])], [{ mentions: ['1'], everyone: true }, null, null]);

// Reactions and polls.
const { toggled } = await load('reactions/bar.js');
same('a first reaction', toggled(null, '👍', 'me', true), { '👍': { count: 1, users: ['me'] } });
same('taken back', toggled({ '👍': { count: 1, users: ['me'] } }, '👍', 'me', false), null);
same('beyond those that are listed', toggled({ '👍': { count: 80, users: ['a'], mine: true } }, '👍', 'me', false), { '👍': { count: 79, users: ['a'] } });
same('twice is once', toggled({ '👍': { count: 1, users: ['me'] } }, '👍', 'me', true), { '👍': { count: 1, users: ['me'] } });
const { choose } = await load('polls/poll.js');
same('choices', [choose({ mine: [] }, 1), choose({ mine: [1] }, 0), choose({ mine: [1], many: true }, 0), choose({ mine: [1] }, 1)], [[1], [0], [0, 1], []]);

// The order of the list.
const { FILTERS, byOrder } = await load('settings/order.js');
const listed = [['a', 1, {}], ['b', 3, {}], ['c', 2, { pinned: 2 }], ['d', 0, { pinned: 1 }]].map(([uuid, time, settings]) => ({ time, flow: { uuid, settings } }));
same('pinned ones first', listed.sort(byOrder).map((one) => one.flow.uuid), ['d', 'c', 'b', 'a']);
same('unread by hand', FILTERS.unread({ unread: 0, settings: { unread: true } }), true);

// Places.
const { parse } = await load('core/router.js');
same('places', ['', '#/f/12', '#/f/12/m/34', '#/f/12/info', '#/new/group', '#/f/x', '#/%E0%A4%A'].map((hash) => Object.values(parse(hash))), [
  [null, null, null, null], ['12', null, null, null], ['12', 34, null, null], ['12', null, 'info', null], [null, null, 'new', 'group'], [null, null, 'f', 'x'], [null, null, null, null]]);

// History: what is asked for, how often, and what stays.
const { History } = await load('data/history.js');
const asked = [];
const make = (number) => ({ uuid: `u${number}`, key: `u${number}`, number, files: [], text: '' });
const history = new History(1000, async (from, to) => { asked.push([from, to]); return Array.from({ length: Math.min(20, to - from + 1) }, (_, i) => make(from + i)); });
await history.ensure(100, 130);
same('short answers are asked on', asked, [[100, 149], [120, 169]]);
await history.ensure(100, 139);
same('what is here is not asked again', asked.length, 2);
same('a place by its id', [history.numberOf('u105'), history.numberOf('nobody')], [105, null]);
history.put(make(1000));
same('a new message', [history.count, history.last.number], [1001, 1000]);
history.put({ ...make(105), version: 7 });
const { version } = history.get(105);
history.put({ ...make(105), version: 8 });
same('read again and the same', history.get(105).version, version);
history.patch('u105', { text: 'changed' });
same('changed in part', [history.get(105).text, history.get(105).version === version], ['changed', false]);
history.refresh(1001);
same('out of date is shown but not trusted', [history.shows(105), history.has(105)], [true, false]);
const hollow = new History(10, async () => []);
await hollow.ensure(0, 9);
same('nothing there is an answer too', hollow.has(5), true);

// Merging pushes.
const { Store } = await load('data/store.js');
const store = new Store('me', async () => []);
store.applySnapshot({ flows: [{ uuid: 'f', type: 'group', users: ['me', 'you'], owner: 'you', title: 'T' }], meta: { read: { f: 0 }, count: { f: 2 }, unread: { f: 1 } } }, true);
const push = (wire, meta) => store.applyUpdate({ message: wire, meta });
same('a push with its number', push([{ uuid: 'm2', from_flow: 'f', from_user: 'you', text: 'x', time: 1 }], { numbers: { m2: 2 } }), []);
push([{ uuid: 'm2', from_flow: 'f', from_user: 'you', text: 'y', time: 1, edited_status: true }], { numbers: { m2: 2 } });
const flow = store.flows.get('f');
same('twice the same is once', [flow.history.count, flow.history.get(2).text, flow.history.get(2).edited, store.unread(flow)], [3, 'y', true, 2]);
push([{ uuid: 'm2', from_flow: 'f', from_user: 'you', text: 'Message deleted', time: 1, edited_status: true }], { numbers: { m2: 2 }, about: { m2: { deleted: 'deleted' } } });
same('a deleted message is not unread', [flow.history.get(2).deleted, store.unread(flow)], [true, 1]);
push([{ uuid: 'm3', from_flow: 'f', from_user: 'you', text: 'Message deleted', time: 1, edited_status: true }], { numbers: { m3: 3 } });
same('the words alone delete nothing', flow.history.get(3).deleted, false);
same('no place, no guess', push([{ uuid: 'm9', from_flow: 'f', from_user: 'you', text: 'x', time: 1 }], {}), ['f']);
same('an unknown flow', push([{ uuid: 'm1', from_flow: 'g', from_user: 'you', text: 'x', time: 1 }], { numbers: { m1: 0 } }), ['g']);
store.putRead('f', 3); store.putRead('f', 1);
same('reading only goes forward', [flow.read, store.unread(flow)], [3, 0]);
store.applyUpdate({ meta: { left: ['f'] } });
same('a flow that was left', store.flows.size, 0);

// What happened between the messages.
const { Events } = await load('data/events.js');
const events = new Events();
const event = (id, after, time, kind = 'added', more = {}) => ({ id, after, time, kind, by: 'a', user: id, ...more });
same('news', [events.put([event('1', 0, 5), event('2', 0, 6)]), events.put([event('1', 0, 5)]), events.put([event('0', 0, 4)])], [true, false, true]);
same('in the order of time', events.after(0).map((one) => one.id), ['0', '1', '2']);
const { eventKey, fold } = await load('events/lines.js');
same('one line for several', fold([event('1', 0, 1), event('2', 0, 1), event('3', 0, 1, 'removed')]).map((line) => line.users), [['1', '2'], ['3']]);
const lineOf = (one) => fold([one])[0];
same('who did what', [event('x', 0, 1), event('x', 0, 1, 'added', { by: 'me' }), event('x', 0, 1, 'added', { by: undefined }), event('me', 0, 1, 'left'), event('x', 0, 1, 'level', { level: 50 }), event('x', 0, 1, 'unheard')].map((one) => eventKey(lineOf(one), 'me', 'group')),
  ['event.added', 'event.added.own', 'event.added.operator', 'event.left.own', 'event.level.up', null]);

// Long texts.
const { split } = await load('text/split.js');
same('short is one', split('abc', 10), ['abc']);
same('at a word', split('aaaa bbbb cccc', 10), ['aaaa bbbb', 'cccc']);
same('by bytes, never half a sign', split('😀😀😀', 9), ['😀😀', '😀']);
same('nothing is lost', split('я'.repeat(40_000)).join(''), 'я'.repeat(40_000));

// QR codes: dimensions, the corners, and one whole.
const { qrCode } = await load('invite/qr.js');
same('sizes of codes', ['a'.repeat(14), 'a'.repeat(15), 'a'.repeat(412), 'a'.repeat(413)].map((text) => qrCode(text)?.length ?? null), [21, 25, 77, null]);
const digest = async (text) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(qrCode(text).map((row) => row.map(Number).join('')).join('\n'))))].slice(0, 6).join();
same('codes that a camera has read', [await digest('https://chat.example/invite/K7QF-2M9X'), await digest('x'.repeat(200))], ['47,122,199,120,158,152','100,233,219,15,125,207']);

// The languages.
const { ru } = await load('locales/ru.js');
const { render } = await load('core/i18n.js');
const rules = new Intl.PluralRules('ru');
same('plurals', [1, 3, 5, 21].map((n) => render(ru.members, { n }, rules)), ['1 участник', '3 участника', '5 участников', '21 участник']);
same('texts are filled once', render('{a} {b}', { a: '{b}', b: 'x' }, rules), '{b} x');

// What a message said before it was edited.
const talk = new History(1, async () => []);
const said = (words, more = {}) => ({ uuid: 'e', key: 'e', number: 0, files: [], text: words, edited: true, before: null, deleted: false, ...more });
talk.put(said('one', { edited: false }));
talk.put(said('two'));
same('the text before an edit', talk.get(0).before, 'one');
talk.put(said('two', { reactions: {} }));
same('kept when something else changes', talk.get(0).before, 'one');
talk.patch('e', { text: 'three' });
same('one step back only', talk.get(0).before, 'two');
talk.patch('e', { text: 'four', format: 1 });
talk.put(said('five', { format: 0 }));
same('with the marks that it had', [talk.get(0).before, talk.get(0).beforeFormat], ['four', 1]);
talk.put(said('', { deleted: true }));
same('nothing is left of a deleted one', talk.get(0).before, null);

talk.put({ ...said('answer', { reply: { uuid: 'e', number: 0, text: 'three' } }), uuid: 'f', key: 'f', number: 1 });
talk.unquote('e');
same('nor in what quotes it', talk.get(1).reply, { uuid: 'e', gone: true });

// Colours that stand for a picture.
const { encode: blurOf, decode: coloursOf } = await load('media/blurhash.js');
const field = (width, height, colour) => Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => [...colour(i >> 2), 255][i & 3]);
const red = blurOf(field(32, 20, () => [200, 30, 30]), 32, 20);
same('a hash of its length and signs', [red.length, /^[0-9A-Za-z#$%*+,.:;=?@[\]^_{|}~-]+$/.test(red)], [28, true]);
const near = (pixels, at, wanted, by) => [0, 1, 2].every((i) => Math.abs(pixels[4 * at + i] - wanted[i]) <= by);
same('one colour comes back', [0, 77, 255].map((at) => near(coloursOf(red, 16, 16), at, [200, 30, 30], 12)), [true, true, true]);
const halves = coloursOf(blurOf(field(32, 32, (at) => (at % 32 < 16 ? [10, 10, 10] : [240, 240, 240])), 32, 32), 16, 16);
same('dark left, light right', [halves[0] < 90, halves[4 * 15] > 170], [true, true]);
same('what is no hash', ['', 'short', 'LEHV6nWB2yk8pyo0adR*.7kCMdn', 'L"HV6nWB2yk8pyo0adR*.7kCMdnj'].map((hash) => coloursOf(hash, 2, 2)), [null, null, null, null]);

// A finger on the microphone.
const { meaning } = await load('files/hold.js');
const finger = (dx, dy, ms, up, side) => meaning({ dx, dy, ms, up, side });
same('held, let go, tapped', [finger(0, 0, 900, false), finger(3, 2, 900, true), finger(3, 2, 90, true)], ['hold', 'send', 'lock']);
same('slid aside and up', [finger(-120, -20, 900, false), finger(-20, -80, 900, false), finger(120, 0, 900, false, 1), finger(120, 0, 900, false)], ['cancel', 'lock', 'cancel', 'hold']);

// Devices: what the server made of a browser is said in the reader's language, what somebody wrote is not.
const { deviceName } = await load('text/devices.js');
const inWords = (key, values) => (values ? `${values.program} / ${values.system}` : key);
same('devices', ['Firefox on Android', 'Chrome on Linux', 'Anna on holiday', '', null].map((label) => deviceName(label, inWords)), ['Firefox / Android', 'Chrome / Linux', 'Anna on holiday', 'devices.unnamed', 'devices.unnamed']);
