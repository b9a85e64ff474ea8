// Times and sizes as people write them. Pure but for the reader's time zone.

const caches = new Map();

function formatter(language, name, options) {
  const key = `${language} ${name}`;
  if (!caches.has(key)) caches.set(key, new Intl.DateTimeFormat(language, options));
  return caches.get(key);
}

/** Names the day that a time (Unix seconds) falls on, as a key to compare. */
export function dayKey(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** Whole days between two times, by the calendar: 0 is today, 1 is yesterday. */
export function daysBetween(earlier, later) {
  const midnight = (seconds) => { const d = new Date(seconds * 1000); return Date.UTC(d.getFullYear(), d.getMonth(), d.getDate()); };
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

export function clockTime(seconds, language) {
  return formatter(language, 'clock', { hour: 'numeric', minute: '2-digit' }).format(seconds * 1000);
}

export function fullTime(seconds, language) {
  return formatter(language, 'full', { dateStyle: 'long', timeStyle: 'short' }).format(seconds * 1000);
}

/** A day pill: "Today", "Yesterday", "12 March", "12 March 2024". `words` are the two names. */
export function dayName(seconds, now, language, words) {
  const days = daysBetween(seconds, now);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  const same = new Date(seconds * 1000).getFullYear() === new Date(now * 1000).getFullYear();
  return same
    ? formatter(language, 'day', { day: 'numeric', month: 'long' }).format(seconds * 1000)
    : formatter(language, 'dayYear', { day: 'numeric', month: 'long', year: 'numeric' }).format(seconds * 1000);
}

/** For a list: the time today, the weekday within a week, else the date. */
export function shortTime(seconds, now, language) {
  const days = daysBetween(seconds, now);
  if (days <= 0) return clockTime(seconds, language);
  if (days < 7) return formatter(language, 'weekday', { weekday: 'short' }).format(seconds * 1000);
  return formatter(language, 'date', { day: '2-digit', month: '2-digit', year: '2-digit' }).format(seconds * 1000);
}

export function size(bytes, language) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < 3) { value /= 1000; unit += 1; }
  return new Intl.NumberFormat(language, { style: 'unit', unit: units[unit], unitDisplay: unit === 0 ? 'long' : 'short', maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 }).format(value);
}

/** A span of time in its largest whole unit: "1 day", "5 minutes". */
export function duration(seconds, language) {
  /** @type {[string, number][]} */
  const units = [['week', 604_800], ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];
  const [unit, length] = units.find(([, one]) => seconds >= one && seconds % one === 0) ?? ['second', 1];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / length);
}

/** A length of sound or film: "0:07", "1:02:03". Pure. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** When somebody was last here, in words; `t` is the language's. */
export function lastSeen(seconds, now, language, t) {
  if (now - seconds < 120) return t('seen.now');
  const days = daysBetween(seconds, now);
  if (days <= 0) return t('seen.today', { time: clockTime(seconds, language) });
  if (days === 1) return t('seen.yesterday', { time: clockTime(seconds, language) });
  return t('seen.on', { date: formatter(language, 'seen', { day: 'numeric', month: 'long' }).format(seconds * 1000) });
}

/** How long something has lasted, roughly: "3 days", "2 hours", "1 minute". */
export function span(seconds, language) {
  /** @type {[string, number][]} */
  const units = [['day', 86_400], ['hour', 3_600], ['minute', 60]];
  const [unit, length] = units.find(([, one]) => seconds >= one) ?? ['second', 1];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.floor(seconds / length));
}
