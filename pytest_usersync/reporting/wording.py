"""Words for findings that a stranger understands; needs no database and no terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ..model.finding import Failure, Finding, Location
from ..model.policy import CHOICES
from ..model.safe_text import in_line, pasteable, sentence, visible
from ..runner.check import Check
from ..runner.verdict import Verdict

WIDTH = 96


def headline(check: Check, case: str = "") -> str:
    """Return what names a case everywhere: ``US104 null-email-blocked [phone]``."""
    return f"{check.code} {check.name}{f' [{case}]' if case else ''}"


def cause(finding: Finding) -> tuple[object, ...]:
    """Return what tells one cause from another: the remedy, and the error with its place."""
    failed = finding.failure
    if failed is None:
        return (finding.remedy,)
    # How long a statement was given is no difference.
    message = "" if failed.sqlstate == "57014" else failed.message
    return finding.remedy, failed.sqlstate, message, failed.location or finding.location


def brief(verdict: Verdict) -> str:
    """Return one line about a case that is broken or could not be judged."""
    if not verdict.findings:
        return in_line(f"Not judged: {' '.join(verdict.reason.split())}.")
    first, *others = [one for one in verdict.findings if one.open] or verdict.findings
    more = f" (and {len(others)} more)" if others else ""
    return in_line(sentence(" ".join(first.summary.split())) + more)


def failure(check: Check, verdict: Verdict) -> str:
    """Return the whole text about one case that is broken or could not be judged."""
    if not verdict.findings:
        return visible(f"Not judged: {verdict.reason}.")
    parts: list[str] = []
    for finding in verdict.findings:
        # The SQL of an accepted finding would only hide the others.
        if finding.open:
            parts += [*describe(finding), ""]
        else:
            parts += [*prose(f"{sentence(finding.summary)} {accepted(finding)}"), ""]
    parts += [f"The promise of {headline(check)}:", *prose(check.promise, "  ")]
    if verdict.reason:
        parts += ["", *prose(f"The check then stopped: {verdict.reason}.")]
    if verdict.kept:
        parts += ["", "The database of this case was kept:", f"  {verdict.kept}"]
    return "\n".join(parts)


def again(verdict: Verdict, names: Iterable[str]) -> str:
    """Return the text about a case whose causes were told in full under other names.

    How to see it stays, for not everybody reads one case behind the other.
    """
    parts: list[str] = []
    for finding in verdict.findings:
        parts += prose(sentence(finding.summary))
        parts += _block("Try it in psql:", finding.sql)
        if finding.failure:
            parts.append(in_line(f"{finding.failure.sqlstate}: {finding.failure.message}"))
    parts += prose(f"Same cause and remedy as {', '.join(dict.fromkeys(names))}, above.")
    return "\n".join(parts)


def accepted(finding: Finding) -> str:
    """Return in a sentence what the baseline says of a finding, or nothing."""
    mark = finding.accepted
    if not mark:
        return ""
    reason = f": {mark.reason}" if mark.reason else ", without a reason"
    if mark.expired:
        return f"It was accepted until {mark.expires} (expired){reason}."
    return f"It is accepted{f' until {mark.expires}' if mark.expires else ''}{reason}."


def describe(finding: Finding) -> list[str]:
    """Return one finding: what happened, how to see it, what PostgreSQL said, what to change."""
    return [
        *prose(f"{sentence(finding.summary)} {accepted(finding)}".rstrip()),
        *_block("Try it in psql:", finding.sql),
        *(_postgresql_says(finding.failure) if finding.failure else []),
        *describe_response(finding),
        "Remedy:",
        *advice(finding.remedy),
    ]


def _postgresql_says(failed: Failure) -> list[str]:
    lines = [line for text in describe_error(failed) for line in visible(text).splitlines()]
    return ["PostgreSQL says:", *(f"  {line}" for line in lines)]


def describe_response(finding: Finding) -> list[str]:
    """Return the line of the project and what the user of the app sees."""
    lines: list[str] = []
    for place in _places(finding):
        lines += _block(f"At {place}:", place.source) if place.source else [in_line(f"At {place}")]
    if finding.client:
        code = f" ({finding.client.code})" if finding.client.code else ""
        lines += ["The user of the app sees:", f"  {in_line(f'{finding.client}{code}')}"]
    return lines


def describe_error(failed: Failure) -> list[str]:
    """Return a database error in PostgreSQL's own words, with the functions that it arose in."""
    lines = [f"{failed.sqlstate}: {failed.message}"]
    lines += [f"DETAIL: {failed.detail}"] if failed.detail else []
    lines += [f"HINT: {failed.hint}"] if failed.hint else []
    # The statements in between would be repeated whole; the project's line is shown anyway.
    inner = [line for line in failed.context.splitlines() if line.startswith("PL/pgSQL function")]
    return [*lines, *(f"in {line}" for line in inner)]


def page(check: Check, policies: Iterable[str]) -> str:
    """Return what ``--usersync-explain`` prints about a check."""
    parts = [f"{headline(check)} ({check.level})", "", *prose(check.promise)]
    parts += ["", check.page] if check.page else []
    if check.cases:
        parts += ["", *prose(f"Cases: {', '.join(check.cases)}.")]
    for policy in policies:
        parts += ["", f"Policy usersync_{policy}, in the ini file:"]
        for number, (value, meaning) in enumerate(CHOICES[policy].items()):
            parts.append(f"  {value}: {meaning}{'' if number else ' (the default)'}")
    return "\n".join(parts)


def listing(checks: Iterable[Check]) -> str:
    """Return a line for each check: code, name, level, promise; aligned."""
    known = list(checks)
    name = max(len(check.name) for check in known)
    level = max(len(check.level) for check in known)
    return "\n".join(
        f"{check.code}  {check.name:{name}}  {check.level:{level}}  {check.promise}"
        for check in known
    )


def advice(remedy: str) -> list[str]:
    """Return a remedy indented: SQL as it is, sentences wrapped."""
    lines: list[str] = []
    for line in indented(remedy):
        lines += prose(line.strip(), "  ") if is_sentence(line) else [line]
    return lines


def is_sentence(line: str) -> bool:
    """Tell a sentence in a remedy, which may be wrapped, from a line of SQL."""
    return line.strip()[:1].isupper() and line.endswith(".")


def prose(text: str, indent: str = "") -> list[str]:
    """Return running text, wrapped."""
    return textwrap.wrap(
        visible(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        # A name that is broken can be neither searched for nor copied.
        break_long_words=False,
        break_on_hyphens=False,
    )


def indented(text: str, indent: str = "  ") -> list[str]:
    """Return the lines of SQL, or of a text that must stay as it is like SQL."""
    return textwrap.indent(textwrap.dedent(pasteable(text)).strip("\n"), indent).splitlines()


def _block(title: str, text: str) -> list[str]:
    return [in_line(title), *indented(text)] if text.strip() else []


def _places(finding: Finding) -> Iterator[Location]:
    raised = finding.failure.location if finding.failure else None
    if finding.location:
        yield finding.location
    if raised and raised != finding.location:
        yield raised
