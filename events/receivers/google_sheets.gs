// ProSaaS אל Google Sheets: שורה אחת לכל שיחה, גם אם היא נשלחת פעמיים.
// מדביקים ב: תוספים > Apps Script. אחר כך: Deploy > New deployment > Web app, Execute as: Me, Who has access: Anyone.
// אחרי כל שינוי בקוד: Deploy > Manage deployments > עיפרון > Version: New version > Deploy. הכתובת נשארת אותה כתובת.
const SHEET_NAME = 'ProSaaS';
const KEY = ''; // לא חובה. אם כותבים כאן סיסמה, מוסיפים לסוף הכתובת: ?key=הסיסמה
const ID_FIELDS = { 'call.completed': 'call_id', 'webhook.test': 'call_id', 'lead.created': 'lead_id', 'appointment.booked': 'appointment_id' };
const COLUMNS = [
  ['מזהה', (event, id) => id],
  ['סוג', (event) => event.event_type],
  ['מתי', (event) => time_(event.started_at || event.ended_at || event.scheduled_at || event.changed_at)],
  ['שם', (event) => event.name || event.lead_name],
  ['טלפון', (event) => event.phone || event.lead_phone],
  ['כיוון', (event) => ({ inbound: 'נכנסת', outbound: 'יוצאת' })[event.direction] || event.direction],
  ['משך בשניות', (event) => event.duration_sec],
  ['סיכום', (event) => event.summary || event.notes || event.service || event.new_status],
  ['תמליל', (event) => event.transcript],
  ['נציג', (event) => event.agent_name],
  ['עוד פרטים', (event) => event.metadata && JSON.stringify(event.metadata)],
];

// שגיאה כאן לא נתפסת בכוונה: Apps Script לא יודע לענות בקוד שגיאה, אבל כשפונקציה נופלת Google מציג דף שגיאה
// במקום ההפניה שמגיעה אחרי הצלחה. תשובת "ok" אחרי כישלון הייתה מסתירה שיחה שלא נרשמה.
function doPost(e) {
  if (KEY && e.parameter.key !== KEY) throw new Error('key');
  const event = JSON.parse(e.postData.contents);
  const id = id_(event, e.postData.contents);
  const lock = LockService.getScriptLock();
  lock.waitLock(20000); // שתי שליחות של אותה שיחה באותו רגע: השנייה מחכה, ומוצאת את השורה של הראשונה
  try {
    const sheet = sheet_();
    const rows = sheet.getLastRow();
    const ids = sheet.getRange(1, 1, rows, 1).getValues();
    if (!ids.some((row) => row[0] === id)) {
      const cells = COLUMNS.map(([, read]) => cell_(read(event, id)));
      sheet.getRange(rows + 1, 1, 1, cells.length).setValues([cells]);
      SpreadsheetApp.flush();
    }
  } finally {
    lock.releaseLock();
  }
  return ContentService.createTextOutput('ok');
}

function id_(event, contents) {
  const own = event[ID_FIELDS[event.event_type]]; // אירוע בלי מזהה משלו מזוהה לפי תוכנו
  return event.event_type + ':' + (own || Utilities.base64Encode(Utilities.computeDigest(Utilities.DigestAlgorithm.SHA_256, contents, Utilities.Charset.UTF_8)));
}

function sheet_() {
  const file = SpreadsheetApp.getActiveSpreadsheet();
  const sheet = file.getSheetByName(SHEET_NAME) || file.insertSheet(SHEET_NAME);
  if (sheet.getLastRow() === 0) sheet.appendRow(COLUMNS.map(([title]) => title)), sheet.setFrozenRows(1), sheet.setRightToLeft(true);
  return sheet;
}

const time_ = (text) => (text && !isNaN(Date.parse(text)) ? new Date(text) : text);
// גרש בהתחלה: הטקסט נשאר טקסט, לא נוסחה (= + - @) ולא מספר (טלפון). תא ב-Sheets מכיל עד 50,000 תווים.
const cell_ = (value) => (value == null || value === '' ? '' : typeof value === 'string' ? "'" + value.slice(0, 49000) : value);
