"""User metadata that a form would not send and a caller of the API may: odd, but accepted by Auth.

Everything here is accepted by Supabase Auth and by jsonb: no NUL, no lone surrogate, no number that
a 64-bit float does not hold. ``values`` come in a fixed order; ``drawn`` follow from a seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from ...auth import Json

Metadata = dict[str, Json]

# So long that no column of a fixed length holds it, and so mixed that no index holds it either.
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz 0123456789", k=10_000))

# What tells most of what there is to tell; the rest is below.
FEW: tuple[Json, ...] = (None, "", "x", "李小龍", LONG, 17, True, [], {}, {"name": "Ada"})

_TEXTS = (
    *("x", "Ada", " ", " Ada  Lovelace ", "ada lovelace byron king", "李小龍", "محمد", "e\u0301"),
    *("\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u202eadA", "\ufeff", "O'Brien", '"', "\\"),
    *("%s %", "$$", "a,b;c|d", "(", "{}", "[", "null", "a\nb\tc", "https://x", "a@b", "admin"),
    *("0", "-1", "17", "1.5", "1e400", "99999999999999999999", "NaN", "true", "no"),
    *("2001-02-03", "2001-02-30", "9999-12-31T23:59:59Z", "infinity"),
    *("00000000-0000-4000-8000-000000000001", "00000000", LONG),
)
_OTHERS: tuple[Json, ...] = (
    *(None, "", True, False, 0, -1, 1.5, 1e300, 2**53),
    *([], ["Ada"], [None], [["Ada"]], {}, {"name": "Ada"}, {"name": {"first": None}}),
)
_LETTERS = "aZ09 '\"\\%$@.,-_(){}[]\n\u00e9\u00df\u674e\u0645\U0001f469\u200d\u0301\u202e"
_DEEP = 40


def values(lengths: Iterable[int] = (), words: Iterable[str] = ()) -> list[Json]:
    """Return odd values, the simple before the strange.

    Args:
        lengths: how long texts may be somewhere; one character more is odd there.
        words: what enums and checks admit: unusual where another key then matters.
    """
    numbers = sorted(set(lengths))
    bounds: list[Json] = ["x" * (number + 1) for number in numbers if number < len(LONG)]
    return [*_OTHERS, *_TEXTS, *bounds, *numbers, *words]


def shapes() -> list[Metadata]:
    """Return metadata that is odd as a whole, whatever its keys."""
    deep: Json = "Ada"
    for _ in range(_DEEP):
        deep = {"name": [deep]}
    return [
        {},
        {"": ""},
        {"'": "'", '"': '"', "%": "%", "\\": "\\", "a b": None},
        {f"key {number}": number for number in range(100)},
        {"deep": deep},
        {"long": LONG},
        {LONG[:1000]: "long"},
    ]


def drawn(seed: int, keys: Sequence[str], words: Sequence[str] = ()) -> Iterator[Metadata]:
    """Yield metadata without end, several keys odd at once; the same for the same seed."""
    chance = random.Random(seed)
    while True:
        metadata: Metadata = {key: _value(chance, words) for key in keys if chance.random() < 0.8}
        if chance.random() < 0.3:
            metadata[_text(chance)] = _value(chance, words)
        yield metadata


def _value(chance: random.Random, words: Sequence[str], depth: int = 0) -> Json:
    kind = chance.randrange(10 if depth < 2 else 8)
    if kind < 3:
        return _text(chance)
    if kind < 5:
        return chance.choice([*_OTHERS, *_TEXTS, *words])
    if kind < 7:
        return chance.choice([chance.randrange(-(10**6), 10**6), chance.uniform(-1e6, 1e6)])
    if kind == 7:
        return chance.choice([None, True, False, "", "Ada"])
    if kind == 8:
        return [_value(chance, words, depth + 1) for _ in range(chance.randrange(3))]
    return {_text(chance): _value(chance, words, depth + 1) for _ in range(chance.randrange(3))}


def _text(chance: random.Random) -> str:
    length = chance.choice([1, 2, 5, 12, 40, 300])
    return "".join(chance.choices(_LETTERS, k=length))


def simpler(metadata: Metadata) -> Iterator[Metadata]:
    """Yield metadata with the same keys and one simpler value, the simplest first."""
    for key, value in metadata.items():
        for one in _simpler(value):
            yield {**metadata, key: one}


def _simpler(value: Json) -> Iterator[Json]:
    if isinstance(value, str):
        if value != "x":
            yield from ("", "x")[: len(value)]
        lengths = [2**power for power in range(1, 14)] + [len(value) - 1]
        yield from ("x" * length for length in lengths if 1 < length < len(value))
        if value.strip("x"):
            yield from (value[: len(value) * part // 8] for part in (4, 5, 6, 7))
            yield value[(len(value) + 1) // 2 :]
    elif isinstance(value, list | tuple) and value:
        yield []
        yield from value
    elif isinstance(value, dict) and value:
        yield {}
        yield from value.values()
    elif value not in (None, True, 0):
        yield 0
