// Comfort only: every page works without it. No dialogs: a browser suppresses them in a frame of another site.
'use strict';

const copied = document.getElementById('copied');

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

// A frame may lack the permission for the clipboard: then the selection is copied the old way.
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    select(element);
    return document.execCommand('copy');
  }
}

for (const button of document.querySelectorAll('button[data-copy]')) {
  const label = button.textContent;
  const target = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener('click', async () => {
    const done = await copy(target);
    button.textContent = done ? 'הועתק' : 'מסומן, אפשר להעתיק';
    copied.textContent = button.textContent;
    setTimeout(() => {
      button.textContent = label;
      copied.textContent = '';
    }, 2500);
  });
}

// A second submit while the first is under way does nothing. Coming back to the page makes it whole again.
const busy = new Set();

for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', (event) => {
    if (busy.has(form)) {
      event.preventDefault();
      return;
    }
    busy.add(form);
    const button = event.submitter ?? form.querySelector('button:not([type=button])');
    button.setAttribute('aria-disabled', 'true');
    if (button.dataset.busy) {
      button.dataset.label = button.textContent;
      button.textContent = button.dataset.busy;
    }
  });
}

addEventListener('pageshow', () => {
  for (const form of busy) {
    const button = form.querySelector('button[aria-disabled]');
    button.removeAttribute('aria-disabled');
    if (button.dataset.label) button.textContent = button.dataset.label;
  }
  busy.clear();
});

// A test goes by what is stored: say so while the settings' form shows something else.
const settings = document.querySelector('form[action="/settings"]');
const unsaved = document.getElementById('unsaved');

if (settings && unsaved) {
  settings.addEventListener('input', () => {
    unsaved.hidden = false;
  });
}

// What was said is said once: the address of a page that is opened again must not repeat it.
const address = new URL(location);

for (const name of ['said', 'count', 'more']) address.searchParams.delete(name);
if (address.href !== location.href) history.replaceState(null, '', address);

// A link to a part that is folded opens it.
function unfold() {
  const part = document.getElementById(location.hash.slice(1));
  for (let element = part; element; element = element.parentElement) {
    if (element.matches('details')) element.open = true;
  }
  part?.querySelector(':scope > details:only-of-type')?.setAttribute('open', '');
}

addEventListener('hashchange', unfold);
unfold();

// A replay that is under way is shown again every few seconds, unless the owner is at something.
const replay = document.querySelector('#replay[data-state=running]');
let touched = false;

if (replay) {
  addEventListener('input', () => {
    touched = true;
  });
  setInterval(() => {
    if (!touched && !document.hidden && busy.size === 0) location.reload();
  }, 5000);
}
