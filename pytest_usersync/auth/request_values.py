"""Values of a request: JSON, email addresses, phone numbers, passwords."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from psycopg.types.json import Jsonb

from .errors import AuthError, invalid

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_PHONE = re.compile("[1-9][0-9]{1,14}")


def jsonb(value: Json) -> Jsonb:
    """Return the value, as it is now, as a jsonb parameter; None is the JSON null.

    What the parameter wraps is the text: flows go on to change the objects they have written.
    """
    return Jsonb(dumps(value), str)


def email_address(email: str) -> str:
    """Return the address as the server stores it: lower case, nothing else folded or trimmed."""
    if not email:
        raise invalid("An email address is required")
    if len(email.encode("utf-8", "replace")) > 255:
        raise invalid("An email address is too long")
    if not _EMAIL.fullmatch(email):
        raise invalid("Unable to validate email address: invalid format")
    return email.lower()


def optional_email(email: str | None) -> str | None:
    """Return the address as stored, or None for none."""
    return email_address(email) if email else None


def phone_number(phone: str) -> str:
    """Return the number as the server stores it: E.164 digits without plus and spaces."""
    digits = plain_phone(phone)
    if not _PHONE.fullmatch(digits):
        raise invalid("Invalid phone number format (E.164 required)")
    return digits


def optional_phone(phone: str | None) -> str | None:
    """Return the number as stored, or None for none."""
    return phone_number(phone) if phone else None


def plain_phone(phone: str) -> str:
    """Return the number without its leading plus and without spaces, whatever it is."""
    return phone.removeprefix("+").replace(" ", "")


def strong_password(password: str, shortest: int) -> str:
    """Return the password if the server takes it."""
    if len(password) < shortest:
        told = f"Password should be at least {shortest} characters."
        raise AuthError(422, "weak_password", told)
    return password


def json_object(value: Mapping[str, Json] | None, field: str) -> dict[str, Json]:
    """Return a copy of the object as the server's JSON decoder hands it on; None is empty.

    Args:
        field: how the server's error names it, such as ``SignupParams.data``.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _not_an_object(value, field)
    return {_text(key): decoded(item) for key, item in value.items()}


def decoded(value: Json) -> Json:
    """Return the value after a trip through a decoder whose numbers are all float64.

    Lone surrogates become U+FFFD; what JSON cannot say (NaN, infinities) becomes null, as a
    JavaScript client would send it.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        return {_text(key): decoded(item) for key, item in value.items()}
    return [decoded(item) for item in value]


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        # UTF-16 joins two halves of a character that stand side by side.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _number(value: float) -> Json:
    try:
        number = float(value)
    except OverflowError:
        told = "json: cannot unmarshal number into Go value of type float64"
        raise _bad_json(told) from None
    if not math.isfinite(number):
        return None
    # By its shortest text, as Go writes it: int(1e23) is 99999999999999991611392.
    return int(Decimal(repr(number))) if number.is_integer() else number


def _not_an_object(value: Json, field: str) -> AuthError:
    kind = "array"
    if isinstance(value, str):
        kind = "string"
    elif isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int | float):
        kind = "number"
    return _bad_json(
        f"json: cannot unmarshal {kind} into Go struct field {field}"
        " of type map[string]interface {}"
    )


def _bad_json(told: str) -> AuthError:
    return AuthError(400, "bad_json", f"Could not parse request body as JSON: {told}")
