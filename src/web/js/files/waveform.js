// How loud a voice message is, as at most a hundred peaks. Pure.

const MOST = 100;

/** Peaks (0 to 255, of any number) as base64 of at most a hundred bytes, the loudest at 255. */
export function reduce(peaks) {
  const count = Math.min(MOST, peaks.length);
  const loudest = Math.max(1, ...peaks);
  const bytes = Array.from({ length: count }, (_, i) => {
    const part = peaks.slice(Math.floor((i * peaks.length) / count), Math.max(Math.floor((i * peaks.length) / count) + 1, Math.floor(((i + 1) * peaks.length) / count)));
    return Math.round((Math.max(...part) / loudest) * 255);
  });
  return btoa(String.fromCharCode(...bytes));
}

/** The peaks of a message's waveform; a flat line for none. */
export function peaksOf(waveform, bars) {
  let bytes = [];
  try { bytes = [...atob(waveform ?? '')].map((sign) => sign.charCodeAt(0)); } catch { /* no base64: a flat line */ }
  if (bytes.length === 0) return new Array(bars).fill(20);
  return Array.from({ length: bars }, (_, i) => bytes[Math.floor((i * bytes.length) / bars)]);
}
