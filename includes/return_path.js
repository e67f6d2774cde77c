// How a mail that we handed over is known again in the events that its service sends back, once: names of ours, which no service uses itself.

/** Custom argument or tag that holds our message_id, and the one that holds the variant. */
const messageId = "inboxloop_message_id";
const variant = "inboxloop_variant";

/** What decisions make of a message's id (policy/decide.ts). Anything else under the name is not ours. */
const isMessageId = (value) => typeof value === "string" && /^m-[0-9a-f]{32}$/.test(value);

module.exports = { messageId, variant, isMessageId };
