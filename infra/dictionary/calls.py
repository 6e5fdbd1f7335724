"""Makes events as call services publish them, of many kinds of small businesses, and the dictionary's content.

Each file of `text/` has one kind of business, a sentence a line. The agent says the lines `A:`, the caller those of
`C:`. `O:` begins a call, `E:` (the agent) and `B:` (the caller) end one, and `S:` is a summary. `W:` has words.
`general.txt` has what is said everywhere. A call takes its sentences by chance, so it makes little sense.
"""

import json
import random
import subprocess
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from infra.local import environment

DICTIONARY = environment.ROOT / "shared" / "adapters" / "src" / "body" / "calls-2.zdict"
TEXT = Path(__file__).parent / "text"
VALUES = "values"
GENERAL = {"he": "general", "en": "english", "ru": "russian", "ar": "arabic"}

FRAMES = 6
"""How many calls without a transcript end the dictionary: one has few of all metadata."""

SPEAKERS = {
    "he": [
        ("{agent}", "לקוח"), ("{agent}", "לקוחה"), ("{agent}", "לקוחה"), ("{agent}", "מתקשר"), ("סוכן", "מתקשר"),
        ("סוכנת", "מתקשרת"), ("נציגה", "לקוח"), ("עוזר", "לקוח"), ("Agent", "Caller"), ("agent", "user"),
        ("assistant", "user"), ("AI", "Customer"), ("בוט", "לקוח"), ("נציג", "לקוחה"), ("{agent}", "{first}"),
    ],
    "en": [("Agent", "Caller"), ("{agent}", "Customer"), ("assistant", "user")],
    "ru": [("Агент", "Клиент"), ("Оператор", "Клиентка")],
    "ar": [("الوكيل", "الزبون"), ("المساعدة", "الزبونة")],
}  # fmt: skip


@dataclass
class Text:
    """The sentences of one file, by the letter that begins their lines, and its other lines by their names."""

    sentences: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, path: Path, part: tuple[int, int] = (0, 1)) -> "Text":
        """Read a file, or of its sentences one part of so many."""
        text, (which, parts) = cls(), part
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            name, _, rest = line.partition(": ")
            if len(name) > 1:
                text.sentences[name] += rest.split(", ")
            elif number % parts == which or not text.sentences[name]:
                text.sentences[name].append(rest)
        return text


class Calls:
    """A source of events, the same for the same seed."""

    def __init__(self, seed: int, part: tuple[int, int] = (0, 1)) -> None:
        """Take every sentence, or those of one part of so many."""
        self.chance = random.Random(seed)
        self.general = {language: Text.read(TEXT / f"{name}.txt", part) for language, name in GENERAL.items()}
        self.values = Text.read(TEXT / f"{VALUES}.txt").sentences
        names = sorted(path for path in TEXT.glob("*.txt") if path.stem not in {VALUES, *GENERAL.values()})
        self.businesses = [Text.read(path, part) for path in names]

    def event(self) -> str:
        """Give the next event, as the text of a JSON object."""
        kinds = {self.call: 20, self.lead: 2, self.appointment: 2, self.status: 2}
        [kind] = self.chance.choices(list(kinds), list(kinds.values()))
        return json.dumps(kind(), ensure_ascii=False)

    def call(self) -> dict[str, Any]:
        """Give a finished call."""
        chance = self.chance
        [language] = chance.choices(list(GENERAL), [40, 2, 2, 2])
        general = self.general[language]
        business = chance.choice(self.businesses) if language == "he" else general
        values = self._values(business, language)
        agent, caller = (name.format_map(values) for name in chance.choice(SPEAKERS[language]))
        turns = [(agent, chance.choice(general.sentences["O"]))]
        # People do not say a sentence twice.
        said = {letter: self._shuffled(letter, business, general) for letter in "AC"}
        for number in range(chance.choice([6, 10, 16, 24, 40, 60])):
            letter = "CA"[number % 2]
            if said[letter]:
                turns.append((agent if letter == "A" else caller, said[letter].pop()))
        turns += [(caller, chance.choice(general.sentences["B"])), (agent, chance.choice(general.sentences["E"]))]
        lines = [f"{who}: {sentence.format_map(values | self._moment())}" for who, sentence in turns]
        summary = chance.choice(chance.choice([business, general]).sentences["S"]).format_map(values)
        begun = self._time()
        seconds = 9 * len(turns) + chance.randrange(60)
        event = {
            "event_type": "call.completed",
            "business_id": self._business_id(),
            "call_id": self._call_id(),
            "lead_id": self._lead_id(),
            "phone": self._phone(),
            "started_at": begun.isoformat(),
            "ended_at": (begun + timedelta(seconds=seconds)).isoformat(),
            "duration_sec": seconds,
            "transcript": "\n".join(lines),
            "summary": summary,
            "agent_name": values["agent"],
            "direction": chance.choice(["inbound", "inbound", "inbound", "outbound"]),
            "metadata": self._metadata(values),
        }
        if chance.random() < 0.2:
            event |= {"recording_url": f"https://recordings.example.com/{uuid.UUID(int=chance.getrandbits(128))}.mp3"}
        if chance.random() < 0.2:
            event |= {"city": values["city"], "answered_by": "human"}
        return event

    def filled(self, sentence: str, text: Text, letter: str) -> str:
        """Give a sentence with values in its places, as a line of a transcript or, of a summary, without a speaker."""
        language = next((name for name, general in self.general.items() if general is text and name != "he"), "he")
        business = self.chance.choice(self.businesses) if text is self.general["he"] else text
        values = self._values(business, language)
        said = sentence.format_map(values)
        if letter in "WS":
            return f" {said}"
        agent, caller = (name.format_map(values) for name in self.chance.choice(SPEAKERS[language]))
        return f"{caller if letter in 'CB' else agent}: {said}\n"

    def frame(self, kind: Callable[[], dict[str, Any]]) -> str:
        """Give an event without what was said."""
        event = kind()
        return json.dumps(
            {**event, **{name: "" for name in ("transcript", "summary") if name in event}}, ensure_ascii=False
        )

    def lead(self) -> dict[str, Any]:
        """Give a new lead."""
        values = self._values(self.chance.choice(self.businesses), "he")
        return {
            "event_type": "lead.created",
            "business_id": self._business_id(),
            "lead_id": self._lead_id() or "1",
            "name": values["name"],
            "phone": self._phone(),
            "email": self.chance.choice(["", values["email"]]),
            "source": self.chance.choice(
                ["website_form", "phone_call", "facebook", "google_ads", "whatsapp", "referral"]
            ),
            "metadata": {
                "form": values["topic"],
                "utm": {"source": self.chance.choice(["google", "facebook", "newsletter"]), "campaign": "autumn-2025"},
            },
            "city": values["city"],
            "message": f"היי, אשמח לפרטים על {values['topic']}, תודה",
        }

    def appointment(self) -> dict[str, Any]:
        """Give a booked appointment."""
        values = self._values(self.chance.choice(self.businesses), "he")
        return {
            "event_type": "appointment.booked",
            "business_id": self._business_id(),
            "appointment_id": self._lead_id() or "2",
            "lead_id": self._lead_id(),
            "lead_name": values["name"],
            "lead_phone": self._phone(),
            "scheduled_at": self._time().isoformat(),
            "service": values["topic"],
            "notes": self.chance.choice(["", "לקוחה חדשה", "ביקש תזכורת בהודעה", "להתקשר לפני ההגעה"]),
            "metadata": {},
            "duration_min": self.chance.choice([20, 30, 40, 45, 60, 90]),
        }

    def status(self) -> dict[str, Any]:
        """Give a change of a lead's status."""
        values = self._values(self.chance.choice(self.businesses), "he")
        old, new = self.chance.sample(
            ["new", "contacted", "meeting_scheduled", "qualified", "won", "lost", "no_answer"], 2
        )
        return {
            "event_type": "lead.status_changed",
            "business_id": self._business_id(),
            "lead_id": self._lead_id() or "3",
            "lead_name": values["name"],
            "lead_phone": self._phone(),
            "old_status": old,
            "new_status": new,
            "source": self.chance.choice(["", "ai_agent", "manual", "crm"]),
            "changed_at": self._time().isoformat(),
            "metadata": {"changed_by": values["agent"], "call_id": self._call_id()},
        }

    def all_sentences(self) -> set[str]:
        """Give the sentences that stand in calls."""
        texts = [*self.general.values(), *self.businesses]
        return {sentence for text in texts for sentences in text.sentences.values() for sentence in sentences}

    def _shuffled(self, letter: str, *texts: Text) -> list[str]:
        sentences = sorted({sentence for text in texts for sentence in text.sentences[letter]})
        self.chance.shuffle(sentences)
        return sentences

    def _values(self, business: Text, language: str) -> dict[str, str]:
        chance = self.chance
        first = chance.choice(self.values["first"])
        hour = chance.randrange(8, 20)
        return {
            "business": chance.choice(business.sentences["business"]),
            "topic": chance.choice(business.sentences["topic"]),
            "agent": chance.choice(self.values["agent"][0 if language == "he" else -3 :]),
            "first": first,
            "name": f"{first} {chance.choice(self.values['last'])}",
            "email": f"{chance.choice(['dana', 'yossi', 'info', 'office'])}{chance.randrange(99)}@gmail.com",
            "caller_is": chance.choice(["לקוח חדש", "לקוחה חדשה", "לקוח קיים", "מתעניינת חדשה"]),
            "asked": chance.choice(["שאל", "שאלה", "התקשר", "ביקשה פרטים"]),
            "hour": f"{hour}:{chance.choice(['00', '15', '30', '45'])}",
            "hour2": f"{hour + 2}:00",
        } | self._moment()

    def _moment(self) -> dict[str, str]:
        chance = self.chance
        return {
            "day": chance.choice(self.values["day"]),
            "day2": chance.choice(self.values["day"]),
            "date": f"{chance.choice(self.values['date'])} ב{chance.choice(self.values['month'])}",
            "time": chance.choice(self.values["time"]),
            "time2": chance.choice(self.values["time"]),
            "price": chance.choice(self.values["price"]),
            "price2": chance.choice(self.values["price"]),
            "city": chance.choice(self.values["city"]),
            "street": chance.choice(self.values["street"]),
            "n": str(chance.randrange(1, 120)),
            "phone": self._phone(),
            "digits": f"{chance.randrange(10_000):04}",
        }

    def _metadata(self, values: dict[str, str]) -> dict[str, Any] | None:
        chance = self.chance
        pairs = [
            ("intent", chance.choice(["book_appointment", "price_question", "complaint", "opening_hours", "support"])),
            ("sentiment", chance.choice(["positive", "neutral", "negative"])),
            ("appointment_id", chance.randrange(1000, 99_999)),
            ("appointment_at", self._time().isoformat(timespec="seconds")),
            ("language", "he"),
            ("customer_name", values["name"]),
            ("city", values["city"]),
            ("service", values["topic"]),
            ("score", round(chance.random(), 2)),
            ("tags", ["ליד חדש", "דחוף"]),
            ("campaign", {"id": "autumn-2025", "attempt": chance.randrange(1, 4)}),
            ("callback_at", self._time().isoformat(timespec="seconds")),
            ("source", chance.choice(["google_ads", "website", "referral", "facebook"])),
            ("urgency", chance.choice(["high", "medium", "low"])),
            ("follow_up_required", chance.random() < 0.5),
            ("recording_consent", True),
            ("lead_status", chance.choice(["new", "qualified", "lost"])),
        ]
        return dict(chance.sample(pairs, chance.randrange(0, 7))) or None

    def _business_id(self) -> str | int:
        chance = self.chance
        return chance.choice([chance.randrange(1, 5000), str(uuid.UUID(int=chance.getrandbits(128), version=4))])

    def _call_id(self) -> str | int:
        chance = self.chance
        return chance.choice(
            [
                f"CA{chance.getrandbits(128):032x}",
                str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                chance.randrange(10_000, 999_999),
            ]
        )

    def _lead_id(self) -> str | int | None:
        return self.chance.choice([self.chance.randrange(1000, 99_999), str(self.chance.randrange(1000, 99_999)), None])

    def _phone(self) -> str:
        chance = self.chance
        number = f"5{chance.choice('02345')}{chance.randrange(10_000_000):07}"
        return chance.choice([f"+972{number}", f"0{number}", f"0{number[:2]}-{number[2:]}"])

    def _time(self) -> datetime:
        begin = datetime(2025, 1, 1, 6, tzinfo=timezone.utc)
        chance = self.chance
        days, seconds = chance.randrange(900), chance.randrange(12 * 3600)
        return begin + timedelta(days=days, seconds=seconds, microseconds=chance.choice([0, chance.randrange(10**6)]))


def normalised(events: list[str]) -> list[bytes]:
    """Give the events the form in which the ledger keeps them."""
    command = ["cargo", "run", "--quiet", "--package", "domain", "--all-features", "--example", "normalise"]
    given = "\n".join(events).encode()
    return subprocess.run(
        command, input=given, stdout=subprocess.PIPE, cwd=environment.ROOT, check=True
    ).stdout.splitlines()


def content(calls: Calls, without: Calls | None = None) -> bytes:
    """Give each sentence once, with values in its places, and behind them events of every kind without a transcript.

    zstd codes a near place in fewer bits than a far one, so the most frequent text stands last: first the other
    languages, then the businesses, then what is said everywhere, then the frame of each event. The sentences of
    `without` have their length, but not their text.
    """
    order = [calls.general[language] for language in ("ar", "ru", "en")] + calls.businesses + [calls.general["he"]]
    masked = set() if without is None else without.all_sentences()
    lines = []
    for text in order:
        for letter in "WSCAOBE":
            for sentence in text.sentences[letter]:
                line = calls.filled(sentence, text, letter)
                lines.append("\x7f" * len(line) if sentence in masked else line)
    frames = [calls.frame(kind) for kind in (calls.status, calls.appointment, calls.lead, *[calls.call] * FRAMES)]
    said = json.dumps("".join(lines), ensure_ascii=False)[1:-1]
    return said.encode() + b"".join(normalised(frames))


def in_brief(text: bytes) -> bytes:
    """Leave out the bytes 0xD7, as `body.rs` does."""
    return text.replace(b"\xd7", b"")
