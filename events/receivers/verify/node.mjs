// Node.js with the official library: npm install standardwebhooks
import { Webhook } from 'standardwebhooks';

/** Gives the event, or throws. `body` is the raw body, a string or a Buffer; `headers` are as Node's http gives them. */
export function verify(secret, headers, body) {
  return new Webhook(secret).verify(body, headers);
}
