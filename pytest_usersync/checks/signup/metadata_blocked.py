"""US107: what a signup brings along makes it fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...auth.request_values import dumps
from ...model.finding import Finding, Level, NotJudged
from ...probes.signup.metadata_causes import Cause, another_check_s
from ...probes.signup.metadata_remedy import refusal_of, remedy
from ...probes.signup.metadata_search import Search
from ...probes.signup.saved_failures import SavedFailures
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME, Signup, names

LONGEST = 60

# The one way to a user whose metadata is no object: the JSON null (measured).
HASHED = Signup(
    "admin-hashed",
    "user creation by an admin (password hash, no metadata)",
    lambda auth, person: auth.admin.create_user(email=person.email, password_hash=HASH),
)
HASH = "$2a$10$7EqJtq98hPqEX7fNZaFWoOhi5vVbTW5c1bnYlT3w1BO5ejX1vFQ6u"


@check(
    "US107", level=Level.ERROR, symptom="Signup fails: with some user metadata", needs=Needs.SIGNUP
)
def metadata_blocked(context: CheckContext) -> Iterable[Finding]:
    """No user metadata makes a signup fail: missing keys, JSON null, numbers, objects, arrays, very
    long and odd text. The examples are generated from the keys that the trigger reads, and shrunk.

    The caller of the API chooses `raw_user_meta_data`: `signUp({ options: { data } })` is open to
    everybody who has the anon key, and each provider sends its own keys. A key that the app's form
    always sends is missing in a sign-in with Google, in an invitation, and for a user created in
    the dashboard. A trigger that relies on such a key refuses the signup, and the app shows
    "Database error saving new user".

    Common causes: a NOT NULL or checked column, or a `varchar(50)`, for a name; a cast
    (`::integer`, `::date`, `::uuid`, an enum) of text that does not fit; `jsonb_array_elements` of
    a value that is not an array; a foreign key to a row that does not exist; an index on a text of
    10,000 characters; a `raise exception` when a name is missing.

    Use only metadata that fits, and NULL or a default otherwise. The app can ask for required
    values after the signup.
    """
    search = Search(context.connect(), context.sync)
    if refusal := search.refused():
        raise NotJudged(f"a signup by plain SQL statements fails: {refusal.message}")
    memory = SavedFailures(context.subject.project.root, "US107")
    search.systematic()
    always = len(search.causes)
    memory.forget(search.replayed(memory.examples()))
    memory.remember(search.drawn(context.subject.exploration))
    # What chance found comes in one order, whether it was saved by an earlier run or not.
    by_chance = sorted(search.causes[always:], key=lambda one: dumps(one.example))
    for cause in (*search.causes[:always], *by_chance):
        yield from _demonstrated(context, cause)
    yield from _elsewhere(context, search)


def _demonstrated(context: CheckContext, cause: Cause) -> Iterator[Finding]:
    signup = BY_NAME["email-autoconfirm"]
    try:
        context.sign_up(signup, replace(context.person(), data=cause.example))
    except SignupRefused as refusal:
        text = dumps(cause.example)
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
        others = [key for key in cause.keys if key not in cause.example and cause.example]
        also = f" (also for {', '.join(others)})" if others else ""
        found = context.refused(refusal, f"a signup with the user metadata {shown} fails{also}")
        yield replace(found, remedy=remedy(context, found, cause.keys))


def _elsewhere(context: CheckContext, search: Search) -> Iterator[Finding]:
    """Sign up as providers, admins and invitations do, each with metadata of its own."""
    for signup in (*(BY_NAME[name] for name in names(emailless=False)), HASHED):
        try:
            context.sign_up(signup)
        except SignupRefused as refusal:
            why = refusal_of(refusal)
            if not why or another_check_s(why) or any(one.explains(why) for one in search.causes):
                continue
            if _stands_alone(context, signup):
                continue
            search.causes.append(Cause(why, {}))
            found = context.refused(refusal, f"{signup.title} fails")
            yield replace(found, remedy=remedy(context, found, []))


def _stands_alone(context: CheckContext, signup: Signup) -> bool:
    """Tell whether the signup is fine where nobody came before: then what it brings is, too."""
    try:
        context.fresh_context().sign_up(signup)
    except SignupRefused:
        return False
    return True
