// Node.js without a library. `body` is the raw body, a string or a Buffer; `headers` are as Node's http gives them.
const crypto = require('node:crypto');

function verify(secret, headers, body) {
  const age = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']));
  if (!(age < 300)) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = crypto.createHmac('sha256', key)
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(body);
  const expected = Buffer.from('v1,' + signed.digest('base64'));
  return (headers['webhook-signature'] ?? '').split(' ').map((one) => Buffer.from(one))
    .some((given) => given.length === expected.length && crypto.timingSafeEqual(given, expected));
}

module.exports = { verify };
