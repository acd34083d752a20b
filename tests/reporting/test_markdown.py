"""Markdown shows the text of others as it is, and a comment keeps its length."""

from __future__ import annotations

import re

import pytest
from documents import HOSTILE, finding, many, place, report
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pytest_usersync.reporting.formats.markdown_text import block, code, escaped, prose
from pytest_usersync.reporting.formats.registry import named

READER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
_OURS = re.compile(r"</?(?:details|summary)>|<!-- pytest-usersync -->|Try it in psql|\s")


def tokens(text: str) -> list[Token]:
    """Return all tokens of a text, those within lines too."""
    return [one for token in READER.parse(text) for one in (token, *(token.children or []))]


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE.split("\n"),
        HOSTILE,
        "- a",
        "1. b",
        "# c",
        "2) d",
        "a_b_c *d*",
        "<b>&amp;</b>",
        "==",
    ],
)
def test_escaped_text_is_plain_text(text: str) -> None:
    found = tokens(escaped(text))
    assert {one.type for one in found} <= {
        *("paragraph_open", "inline", "text", "text_special", "paragraph_close")
    }


def test_escaped_text_reads_as_it_was() -> None:
    text = r"public.users.email_verified is * [not] `null` <b> & #1 \ ~~ | $x$ -- 'y'"
    shown = "".join(one.content for one in tokens(escaped(text)) if one.type != "inline")
    assert shown == text.replace("#1", "#\u200b1")


def test_nobody_is_mentioned_and_nothing_linked() -> None:
    text = escaped("@ada/team #12 GH-12 https://example.com www.example.com ada@example.com")
    for link in ("@a", "#1", "GH-1", "://e", "www.e", "a@e"):
        assert link not in text


def test_in_our_own_text_backquotes_mean_code_and_nothing_else_means_markup() -> None:
    found = tokens(prose("`new.email` is *NULL* <b>\n- for `a_b` and @them"))
    shown = [(one.type, one.content) for one in found if one.content and one.type != "inline"]
    assert [one for one in shown if one[0] == "code_inline"] == [
        ("code_inline", "new.email"),
        ("code_inline", "a_b"),
    ]
    assert {kind for kind, _ in shown} <= {"code_inline", "text", "text_special"}


@pytest.mark.parametrize("text", ["a`b", "``", "`", " ", "a\nb", HOSTILE])
def test_code_stays_code(text: str) -> None:
    found = [one for one in tokens(f"x {code(text)} y") if one.type not in ("inline", "text")]
    assert [one.type for one in found] == ["paragraph_open", "code_inline", "paragraph_close"]


def test_a_block_of_code_is_ended_by_nothing_in_it() -> None:
    (one,) = tokens(block(f"select 1;\n```\n````\n{HOSTILE}\n~~~", "sql"))
    assert one.type == "fence"
    assert one.info == "sql"


@pytest.mark.parametrize("name", ["markdown", "pr-comment"])
def test_hostile_text_makes_no_markup(name: str) -> None:
    found = tokens(named(name).render(many(60)))
    for one in found:
        if one.type in ("html_block", "html_inline"):
            assert not _OURS.sub("", one.content)
    targets = {str(one.attrs["href"]) for one in found if one.type == "link_open"}
    assert all(target.startswith("https://example.com/checks#us") for target in targets)
    assert "image" not in {one.type for one in found}
    headings = [one for one in found if one.type == "heading_open"]
    assert len(headings) == 1 + 60 * (name == "markdown") + _shown(name) + 1


def _shown(name: str) -> int:
    return (
        0
        if name == "markdown"
        else len(re.findall("^### [0-9]", named(name).render(many(60)), re.MULTILINE))
    )


def test_the_whole_report_has_every_cause_and_the_sql() -> None:
    text = named("markdown").render(report([finding(case="phone", at=place())], unjudged=["US203"]))
    assert text.startswith("## usersync: 1 cause\n\n2 checks: 1 error, 1 not judged.\n")
    assert "- At `supabase/migrations/2_sync.sql:14`" in text
    assert "```sql\nalter table x;\n```" in text
    assert "select 1; -- a phone signup fails" in text
    assert "- US203 null-email-blocked: signups fail" in text
    assert len(re.findall("^### [0-9]", named("markdown").render(many(500)), re.MULTILINE)) == 500


def test_accepted_findings_are_only_counted() -> None:
    text = named("markdown").render(report([finding(accepted=True)]))
    assert text == "## usersync: no findings\n\n1 checks: 1 accepted.\n"


def test_a_decision_is_text_and_not_code() -> None:
    one = finding(remedy="Decide who may read it.")
    one["remedy"]["kind"] = "decision"
    assert "**Fix:** Decide who may read it." in named("markdown").render(report([one]))


def test_a_comment_is_shorter_than_github_takes_and_is_cut_at_whole_causes() -> None:
    text = named("pr-comment").render(many())
    assert len(text.encode()) < 64 * 1024
    assert text.startswith("<!-- pytest-usersync -->\n## usersync: 3334 causes, 1666 infos")
    shown = len(re.findall("^### [0-9]", text, re.MULTILINE))
    assert f"**{5_000 - shown} more causes are in the report.**" in text
    assert shown > 5
