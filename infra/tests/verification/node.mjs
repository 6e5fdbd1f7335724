// Runs a Node.js sample on requests from standard input: one line of JSON in, a line of `true` or `false` out. The sample
// is the argument. It holds no verification of its own.
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const { verify } = await import(pathToFileURL(process.argv[2]));
for (const line of fs.readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const { secret, headers, body } = JSON.parse(line);
  let isRight;
  try {
    const result = verify(secret, headers, Buffer.from(body));
    // The official library gives the event.
    isRight = result === true || JSON.stringify(result) === body;
  } catch {
    isRight = false;
  }
  console.log(isRight);
}
