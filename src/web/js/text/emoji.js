// The emoji of the small picker: what people use most; a device's own keyboard has all others.

export const EMOJI = [...new Intl.Segmenter().segment(
  '😀😁😂🤣😊😇🙂😉😍🥰😘😋😜🤪🤔🤨😐😏😒🙄😬😌😴🤒🥳😎🤓😕😟😮😳🥺😢😭😱😤😡🤯'
  + '👍👎👌🤝👏🙏💪👋🤞✌️🫶🤷🤦❤️🧡💛💚💙💜💔💯🔥✨🎉🎂🎁🌹🌞🌧️❄️🍎🍰☕🍷🐱🐶🐟🏡🚗✈️⚽🎵📷📌✅❌⏰❗❓',
)].map((one) => one.segment);
