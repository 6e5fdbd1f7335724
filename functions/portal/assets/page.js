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

// A test goes to the stored URL: say so while the field shows another one.
const url = document.getElementById('generic_webhook_url');
const unsaved = document.getElementById('unsaved');

if (url && unsaved) {
  const tell = () => {
    unsaved.hidden = url.value === url.defaultValue;
  };
  url.addEventListener('input', tell);
  addEventListener('pageshow', tell);
}
