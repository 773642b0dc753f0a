"""Names are compared in one Unicode form, and sent in the one that they have."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from etl.names import name_form, same_name, spellings

ZOE, DECOMPOSED = "Zo\u00eb", "Zoe\u0308"


def test_a_name_is_the_same_composed_and_decomposed_in_any_case_and_with_blanks_around_it() -> None:
    assert ZOE != DECOMPOSED
    assert same_name(ZOE, DECOMPOSED)
    assert same_name(f" {ZOE.upper()} ", DECOMPOSED)
    assert not same_name(ZOE, "Zoe")
    assert (name_form(None), name_form("  ")) == ("", "")


@given(st.text(max_size=12))
@example("\u1fb7")  # its case folding is decomposed
@example("\u0345")
def test_the_form_of_a_name_is_the_same_for_all_its_spellings_and_stays_what_it_is(name: str) -> None:
    form = name_form(name)
    assert {name_form(one) for one in (unicodedata.normalize("NFD", name), unicodedata.normalize("NFC", name))} == {
        form
    }
    assert name_form(form) == form


def test_a_vendor_is_asked_for_each_spelling_once() -> None:
    assert spellings("Ann", "Lee") == (("Ann", "Lee"),)
    assert spellings(DECOMPOSED, "Lee") == ((DECOMPOSED, "Lee"), (ZOE, "Lee"))
    assert spellings(ZOE, "Lee") == ((ZOE, "Lee"), (DECOMPOSED, "Lee"))
