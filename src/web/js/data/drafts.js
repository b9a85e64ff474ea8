// What was begun and not sent, per flow; gone from the device when the person signs out.

export function draftKey(me, flow) {
  return `morelia.draft.${me}.${flow}`;
}
