// One execution of an Apps Script web app: runs doPost of `Code.gs` in the folder that is named, with stand-ins for
// Google's objects, and prints the outcome as JSON. The standard input is the request.
//
// The stand-ins have what can go wrong at Google:
// - A write is seen by other executions only after flush(), or when the execution has ended.
// - A range outside the sheet's rows is an error; appendRow() adds a row.
// - A text that looks like a formula or a number becomes one, unless an apostrophe stands before the text.
// - A cell takes 50,000 characters.
// A method that is missing here fails the script, so no script passes by a call that means nothing. A text is searched in
// the first column of a range only.

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { types } = require('node:util');
const vm = require('node:vm');

const folder = process.argv[2];
const at = (name) => path.join(folder, name);
const request = JSON.parse(fs.readFileSync(0, 'utf8'));
const MAX_CELL_CHARACTERS = 50_000;
const DEFAULT_ROWS = 1_000;
const SAVING_MS = 10_000;
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

let cellsRead = 0;
let pending = [];

function state() {
  const file = at('spreadsheet.json');
  const kept = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : { sheets: {} };
  for (const write of pending) write(kept);
  return kept;
}

// A folder that only one execution can make at a time. Gives whether this execution has made the folder in time.
function claim(name, ms) {
  for (const end = Date.now() + ms; ; sleep(5)) {
    try {
      fs.mkdirSync(at(name));
      return true;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() >= end) return false;
    }
  }
}

const free = (name) => fs.rmdirSync(at(name));

// Two executions that save at the same time lose no write of each other, as at Google.
function flush() {
  if (pending.length === 0) return;
  if (!claim('saving', SAVING_MS)) throw new Error('another execution does not end its saving');
  const next = at('spreadsheet.next');
  fs.writeFileSync(next, JSON.stringify(state()));
  fs.renameSync(next, at('spreadsheet.json'));
  pending = [];
  free('saving');
}

function cell(value) {
  if (types.isDate(value)) return { date: value.toISOString() };
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') throw new Error(`a cell takes no ${typeof value}`);
  if (value.length > MAX_CELL_CHARACTERS) {
    throw new Error('Your input contains more than the maximum of 50000 characters in a single cell.');
  }
  if (value.startsWith("'")) return value.slice(1);
  if (/^[+-]?\d+(\.\d+)?$/.test(value)) return Number(value);
  return /^[=+-]/.test(value) ? { formula: value } : value;
}

const textOf = (value) => (value !== null && typeof value === 'object' ? '' : String(value ?? ''));

class TextFinder {
  constructor(range, text) {
    Object.assign(this, { range, text, isCaseKept: false, isWhole: false });
  }

  matchCase(isCaseKept) {
    return Object.assign(this, { isCaseKept });
  }

  matchEntireCell(isWhole) {
    return Object.assign(this, { isWhole });
  }

  findNext() {
    const spelled = (text) => (this.isCaseKept ? text : text.toLowerCase());
    const wanted = spelled(this.text);
    const isFound = (text) => (this.isWhole ? text === wanted : text.includes(wanted));
    const { sheet, row: first, rows, column } = this.range;
    const values = sheet.kept().rows.slice(first - 1, first - 1 + rows);
    const index = values.findIndex((row) => isFound(spelled(textOf(row[column - 1]))));
    return index < 0 ? null : new Range(sheet, first + index, column, 1, 1);
  }
}

class Range {
  constructor(sheet, row, column, rows, columns) {
    if (row < 1 || rows < 1 || row + rows - 1 > sheet.kept().maxRows) {
      throw new Error('The coordinates of the range are outside the dimensions of the sheet.');
    }
    Object.assign(this, { sheet, row, column, rows, columns });
  }

  createTextFinder(text) {
    return new TextFinder(this, text);
  }

  getValues() {
    cellsRead += this.rows * this.columns;
    const { rows } = this.sheet.kept();
    const columns = Array.from({ length: this.columns }, (_, index) => this.column - 1 + index);
    return Array.from({ length: this.rows }, (_, index) => {
      const row = rows[this.row - 1 + index] ?? [];
      return columns.map((column) => row[column] ?? '');
    });
  }

  setValues(values) {
    const cells = values.map((row) => row.map(cell));
    this.sheet.write(({ rows }) => {
      while (rows.length < this.row - 1 + cells.length) rows.push([]);
      cells.forEach((row, index) => rows[this.row - 1 + index].splice(this.column - 1, row.length, ...row));
    });
    return this;
  }
}

class Sheet {
  constructor(name) {
    this.name = name;
  }

  kept() {
    return state().sheets[this.name];
  }

  write(change) {
    pending.push((kept) => change(kept.sheets[this.name]));
  }

  getLastRow() {
    return this.kept().rows.length;
  }

  getRange(row, column = 1, rows = 1, columns = 1) {
    if (row === 'A:A') return new Range(this, 1, 1, this.kept().maxRows, 1);
    return new Range(this, row, column, rows, columns);
  }

  appendRow(values) {
    const cells = values.map(cell);
    this.write((sheet) => {
      sheet.rows.push(cells);
      sheet.maxRows = Math.max(sheet.maxRows, sheet.rows.length);
    });
    return this;
  }

  setFrozenRows(count) {
    this.write((sheet) => Object.assign(sheet, { frozenRows: count }));
  }

  setRightToLeft(isRightToLeft) {
    this.write((sheet) => Object.assign(sheet, { isRightToLeft }));
    return this;
  }
}

const spreadsheet = {
  getSheetByName: (name) => (state().sheets[name] ? new Sheet(name) : null),
  insertSheet: (name) => {
    if (state().sheets[name]) throw new Error(`A sheet with the name "${name}" already exists.`);
    pending.push((kept) => {
      kept.sheets[name] ??= { rows: [], maxRows: DEFAULT_ROWS };
    });
    return new Sheet(name);
  },
};

let isLocked = false;

const lock = {
  waitLock: (ms) => {
    isLocked ||= claim('lock', ms);
    if (!isLocked) throw new Error('Lock timeout: another process was holding the lock for too long.');
  },
  releaseLock: () => {
    if (isLocked) free('lock');
    isLocked = false;
  },
};

class TextOutput {
  constructor(content) {
    this.content = content;
  }

  setMimeType() {
    return this;
  }
}

class HtmlOutput {
  constructor() {
    this.title = '';
  }

  setTitle(title) {
    return Object.assign(this, { title });
  }
}

const google = {
  SpreadsheetApp: { getActiveSpreadsheet: () => spreadsheet, flush },
  LockService: { getScriptLock: () => lock },
  ContentService: { createTextOutput: (content) => new TextOutput(content), MimeType: { JSON: 'JSON', TEXT: 'TEXT' } },
  HtmlService: { createHtmlOutput: () => new HtmlOutput() },
  Utilities: {
    sleep,
    DigestAlgorithm: { SHA_256: 'sha256' },
    Charset: { UTF_8: 'utf8' },
    // Google's bytes are signed.
    computeDigest: (algorithm, text, charset) => [
      ...new Int8Array(crypto.createHash(algorithm).update(text, charset).digest()),
    ],
    base64Encode: (bytes) => Buffer.from(Int8Array.from(bytes)).toString('base64'),
  },
};

function outcome() {
  const context = vm.createContext(google);
  vm.runInContext(fs.readFileSync(at('Code.gs'), 'utf8'), context, { filename: 'Code' });
  if (typeof context.doPost !== 'function') return { kind: 'error', message: 'Script function not found: doPost' };
  const { contents, parameter, queryString, type } = request;
  const length = Buffer.byteLength(contents);
  const event = { queryString, parameter, contextPath: '', contentLength: length };
  // A request without a body has no data.
  if (length > 0) event.postData = { contents, length, type, name: 'postData' };
  const answer = context.doPost(event);
  if (answer instanceof TextOutput) return { kind: 'text' };
  if (answer instanceof HtmlOutput) return { kind: 'page', title: answer.title };
  const fault = answer === undefined ? 'did not return anything.' : 'the returned value is not a supported return type.';
  return { kind: 'error', message: `The script completed but ${fault}` };
}

function failed(error) {
  const line = /Code:(\d+)/.exec(error.stack ?? '')?.[1] ?? 1;
  return { kind: 'error', message: `${error.name}: ${error.message} (line ${line}, file "Code")` };
}

let result;
try {
  result = outcome();
} catch (error) {
  result = failed(error);
}
// An execution that ends gives the lock back before Google has saved the rest of the writes.
lock.releaseLock();
flush();
process.stdout.write(JSON.stringify({ ...result, cellsRead }));
