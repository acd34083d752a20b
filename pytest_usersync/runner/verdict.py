"""The verdict on one case of a check, and on a check from its cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from psycopg import Error

from ..model.chance import using
from ..model.errors import DISK_FULL, StillRunning
from ..model.finding import Finding, NotApplicable, NotJudged, Outcome
from ..model.plain_data import rebuild
from ..model.safe_text import cut, one_line, travelling
from ..postgres import statement_timeout
from .check import Check
from .context import CheckContext
from .sandbox import Sandbox
from .signup_refused import SignupRefused

# How cases that disagree make one outcome: the first that any of them has.
_WEIGHT = (Outcome.BROKEN, Outcome.NOT_JUDGED, Outcome.KEPT, Outcome.NOT_APPLICABLE)

# What somebody else's row may be the reason for: unique and exclusion constraints, and whatever a
# function raises.
_OTHERS = ("23505", "23P01", "P0001")
# What comes of the timeouts and the read-only transactions that a project sets for its database.
_OF_SETTINGS = ("57014", "55P03", "25006", "25P03", "25P04")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one case.

    Args:
        code: the check's code.
        case: the case's name, empty when the check has none.
        reason: why it was not judged or does not apply.
        findings: what is broken, demonstrated.
        crowded: the error that it hangs on, if that may come of who else is on the sandbox.
        kept: the shell line that opens the database of a broken case, when it was kept.
        crashed: whether the check itself raised an error.
        seconds: how long the judging took.
        overran: whether a statement took longer than it may.
    """

    code: str
    case: str
    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    interference: str = ""
    kept: str = ""
    seconds: float = 0.0
    crashed: bool = False
    overran: bool = False

    def __post_init__(self) -> None:
        """Keep of the reason what can be shown."""
        object.__setattr__(self, "reason", cut(self.reason))

    @property
    def accepted(self) -> bool:
        """Tell whether the case is broken in nothing but what the project accepts."""
        return bool(self.findings) and not any(one.open for one in self.findings)

    def as_data(self) -> dict[str, object]:
        """Return the verdict as plain data that travels between processes."""
        return travelling({**asdict(self), "outcome": self.outcome.value})

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Verdict:
        """Return the verdict that ``as_data`` took apart."""
        return rebuild(cls, data)


def judge(check: Check, case: str, sandbox: Sandbox) -> Verdict:
    """Let one case of a check act on a sandbox and return what became of it."""
    findings: list[Finding] = []
    reason = ""
    outcome = Outcome.KEPT
    interference = ""
    moment = statement_timeout.mark()
    number = check.cases.index(case) if case in check.cases else 0
    drawn = sandbox.chance(check.code, case, number)
    with using(drawn), CheckContext(sandbox, case, check.code) as context:
        try:
            sandbox.subject.require(check.needs)
            findings.extend(
                finding if finding.case else replace(finding, case=case)
                for finding in check.run(context)
            )
        except NotApplicable as stop:
            outcome, reason = Outcome.NOT_APPLICABLE, str(stop)
        except NotJudged as stop:
            outcome, reason = Outcome.NOT_JUDGED, str(stop)
            interference = _of_others(stop)
            if any(error.sqlstate == DISK_FULL for error in _behind(stop)):
                return without_room(check, case)
        except StillRunning as stop:
            outcome, reason = Outcome.NOT_JUDGED, str(stop)
        except Exception:
            # What a check had no answer to is no fault of its own when it was made to end.
            if not statement_timeout.since(moment):
                raise
            outcome = Outcome.NOT_JUDGED
    if any(one.failure and one.failure.sqlstate == DISK_FULL for one in findings):
        return without_room(check, case)
    overruns = statement_timeout.since(moment)
    if overruns and not (outcome is Outcome.NOT_JUDGED and reason):
        # Nobody knows what would have come of it.
        outcome, reason = Outcome.NOT_JUDGED, "" if findings else str(overruns[-1])
    # What was demonstrated stays so, whatever stopped the check afterwards.
    if findings:
        outcome = Outcome.BROKEN
        failures = [one.failure for one in findings if one.failure]
        interference = interference or next(
            (one.sqlstate + one.message for one in failures if one.sqlstate in _OTHERS), ""
        )
    overran = bool(overruns)
    return Verdict(
        check.code, case, outcome, reason, tuple(findings), interference, overran=overran
    )


def _of_others(stop: BaseException | None) -> str:
    """Return the error behind what stopped a check, if that may come of who else is there."""
    for error in _behind(stop):
        if error.sqlstate in _OTHERS:
            return f"{error.sqlstate}{error.diag.message_primary}"
    return ""


def _behind(stop: BaseException | None) -> Iterator[Error]:
    """Yield the errors of PostgreSQL behind what stopped a check."""
    while stop is not None:
        if isinstance(stop, SignupRefused):
            stop = stop.error
        if isinstance(stop, Error):
            yield stop
        stop = stop.__cause__


def attempted(check: Check, case: str, sandbox: Sandbox) -> Verdict:
    """Return what became of a case also where the check itself fails, as in a run."""
    try:
        return judge(check, case, sandbox)
    except Exception as error:  # noqa: BLE001  whatever it is, it is the check that could not judge
        return crashed(check, case, error)


def crashed(check: Check, case: str, error: BaseException) -> Verdict:
    """Return the verdict on a case whose check itself raised an error."""
    first = (cut(str(error)).strip().splitlines() or [""])[0]
    reason = f"the check itself failed: {type(error).__name__}: {first}"
    return Verdict(check.code, case, Outcome.NOT_JUDGED, reason, crashed=True)


def forbidden(check: Check, case: str, error: BaseException) -> Verdict | None:
    """Return the verdict on a case that the project's own code stopped where nobody asked it.

    An event trigger may forbid what a check prepares, a cast what it reads, a setting of the
    database how long. An error without a function of the project in it is else the check's own.
    """
    raised = next(_behind(error), None)
    lines = ((raised and raised.diag.context) or "").strip().splitlines()
    if raised is None or not (lines or raised.sqlstate in _OF_SETTINGS):
        return None
    said = f"{raised.sqlstate} {one_line(raised.diag.message_primary or '')}"
    where = f" ({one_line(lines[-1])})" if lines else ""
    reason = f"the project stopped a statement of the check: {said}{where}"
    return Verdict(check.code, case, Outcome.NOT_JUDGED, reason)


def without_room(check: Check, case: str) -> Verdict:
    """Return the verdict on a case during which the disk was full."""
    reason = "the disk with the server's files is full"
    return Verdict(check.code, case, Outcome.NOT_JUDGED, reason)


def merged(verdicts: Iterable[Verdict]) -> Outcome:
    """Return the outcome of a check: broken, not-judged, kept, not-applicable, in this order."""
    return min((verdict.outcome for verdict in verdicts), key=_WEIGHT.index)
