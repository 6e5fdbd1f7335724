// ProSaaS אל Google Sheets: שורה אחת לכל שיחה, גם אם היא נשלחת פעמיים.
// מדביקים ב: תוספים > Apps Script. אחר כך: Deploy > New deployment > Web app, Execute as: Me, Who has access: Anyone.
// אחרי כל שינוי בקוד: Deploy > Manage deployments > עיפרון > Version: New version > Deploy. הכתובת נשארת אותה כתובת.
const SHEET_NAME = 'ProSaaS';
const KEY = ''; // לא חובה. אם כותבים כאן סיסמה, מוסיפים לסוף הכתובת: ?key=הסיסמה
const ID_FIELDS = { 'call.completed': 'call_id', 'webhook.test': 'call_id', 'lead.created': 'lead_id', 'appointment.booked': 'appointment_id' };
const COLUMNS = [
  ['מזהה', (event, id) => id], // העמודה הראשונה: לפיה מזהים שיחה שכבר נרשמה
  ['סוג', (event) => event.event_type],
  ['מתי', (event) => time_(event.started_at || event.ended_at || event.scheduled_at || event.changed_at)],
  ['שם', (event) => event.name || event.lead_name],
  ['טלפון', (event) => event.phone || event.lead_phone],
  ['כיוון', (event) => ({ inbound: 'נכנסת', outbound: 'יוצאת' })[event.direction] || event.direction],
  ['משך בשניות', (event) => event.duration_sec],
  ['סיכום', (event) => event.summary || event.notes || event.service || event.new_status],
  ['תמליל', (event) => event.transcript],
  ['נציג', (event) => event.agent_name],
  ['עוד פרטים', (event) => event.metadata],
];

// שגיאה כאן לא נתפסת בכוונה: סקריפט לא יכול לענות בקוד שגיאה, אבל כשהוא נופל Google מציג דף שגיאה, ו־ProSaaS שולח שוב.
// תשובת "ok" אחרי כישלון הייתה מסתירה שיחה שלא נרשמה. מה השתבש כתוב ב־Apps Script, תחת Executions.
function doPost(e) {
  if (KEY && e.parameter.key !== KEY) throw new Error('הסיסמה שבסוף הכתובת (key) לא נכונה');
  const event = JSON.parse(e.postData.contents);
  const id = id_(event, e.postData.contents);
  const lock = LockService.getScriptLock();
  lock.waitLock(20000); // שתי שליחות של אותה שיחה באותו רגע: השנייה מחכה, ומוצאת את השורה של הראשונה
  try {
    const sheet = sheet_();
    // החיפוש נעשה אצל Google, בלי לקרוא את העמודה לכאן: הוא מהיר גם עם עשרות אלפי שורות, ובכל סדר שלהן.
    const known = sheet.getRange('A:A').createTextFinder(id).matchCase(true).matchEntireCell(true).findNext();
    if (!known) sheet.appendRow(COLUMNS.map(([, read]) => cell_(read(event, id)))); // מוסיף שורות לגיליון כשהוא מתמלא
    SpreadsheetApp.flush(); // נשמר לפני שהבאה בתור מחפשת
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
function cell_(value) {
  if (value == null || value === '') return '';
  if (typeof value === 'number' || value instanceof Date) return value;
  return "'" + (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 49000);
}
