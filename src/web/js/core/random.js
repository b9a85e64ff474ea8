// Unique texts. `crypto.randomUUID` exists only over HTTPS; a home server is often plain HTTP.

export function uniqueText() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
