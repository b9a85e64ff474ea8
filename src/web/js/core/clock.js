// The server's time. A device's clock may be years off: nothing shown or sorted depends on it.

let offset = 0;

/** Learns from the `time` of an answer. */
export function learn(serverSeconds) {
  if (Number.isFinite(serverSeconds) && serverSeconds > 0) offset = serverSeconds - Date.now() / 1000;
}

/** Unix seconds, as the server would say. */
export function now() {
  return Math.floor(Date.now() / 1000 + offset);
}
