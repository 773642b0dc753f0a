"""Every rule has a fix card that a steward can read at a glance."""

from __future__ import annotations

import re

import pytest

from expectations.rules import RULES, TABLE
from expectations.rules.cards import Card, cards, title
from tests.test_style import BANNED

WORDS_OF_A_TITLE, LETTERS_OF_A_TITLE, WORDS_OF_A_SENTENCE = 8, 50, 25
TEXTS = ("why", "example", "stays")
CARDS = [pytest.param(rule_id, card, id=rule_id) for rule_id, card in cards().items()]
PATH = "›"  # between the screens of SmartOffice
# Rules that nobody mends on a screen of SmartOffice: the CRM's database, the vendors, the form of a run.
MENDED_ELSEWHERE = {
    "SCP-CELL", "SCP-KEY-TWICE", "SCP-CLOCK",
    "MATCH-AMBIGUOUS", "MATCH-GONE", "MATCH-LAST-NAME", "PROFILES-KEPT", "PROFILES-STALE", "VENDOR-REJECTED",
    "EMY-NEW", "EMY-LINK", "EMY-OVERWRITTEN", "EMY-GONE", "EMY-REFRESH", "LIC-ACTING",
    "XFR-BUSY", "XFR-CENSUS", "XFR-CARRIER", "XFR-NOTES", "XFR-COMMISSION", "XFR-NOT-MOVED",
}  # fmt: skip


def test_every_rule_has_a_card_in_the_order_of_the_rules() -> None:
    assert list(cards()) == [rule.rule_id for rule in TABLE]


@pytest.mark.parametrize(("rule_id", "card"), CARDS)
def test_a_card_is_complete_and_short(rule_id: str, card: Card) -> None:
    assert 1 < len(card.title.split()) <= WORDS_OF_A_TITLE
    assert len(card.title) <= LETTERS_OF_A_TITLE
    assert card.title[0].isupper()
    assert not card.title.endswith(".")
    assert rule_id not in card.title
    for name in TEXTS:
        text = getattr(card, name)
        assert text.endswith("."), name
        assert max(len(sentence.split()) for sentence in re.split(r"(?<=\.) ", text)) <= WORDS_OF_A_SENTENCE, name


@pytest.mark.parametrize(("rule_id", "card"), CARDS)
def test_a_card_keeps_to_the_words_of_the_style_page(rule_id: str, card: Card) -> None:
    assert not BANNED.search(" ".join((card.title, card.why, card.example, card.stays))), rule_id


def test_no_two_rules_have_one_title() -> None:
    assert len({card.title for card in cards().values()}) == len(cards())


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.rule_id) for rule in TABLE])
def test_a_remedy_names_the_screen_in_smartoffice(rule) -> None:
    for remedy in rule.remedies:
        assert (PATH in remedy) != (rule.rule_id in MENDED_ELSEWHERE), remedy


def test_what_is_mended_elsewhere_is_a_rule() -> None:
    assert RULES.keys() >= MENDED_ELSEWHERE


def test_a_rule_that_is_in_the_table_no_more_goes_by_its_id() -> None:
    assert title("HH-FORMER") == "HH-FORMER"
    assert title("HH-HEAD") == "Household without a usable head"
