"""LIA-*: the name, the set of loan information that goes, what is computed."""

from datetime import date

import pytest

from tests.builders import Office, person
from tests.transform.reading import batch_of, case, client_file, fact, left_out

AS_OF = date(2026, 1, 31)
ORIGINATED = {
    "orig_loan_date": date(2020, 1, 31), "orig_loan_amount": 200000, "orig_interest_rate": 6, "orig_balloon_period": 30,
}  # fmt: skip
BLANK = dict.fromkeys(("loan_balance", "interest_rate", "monthly_payment", "balloon_period"))


def sent(office: Office, client: int) -> tuple:
    """Balance, rate, payment and years as they go."""
    (only,) = case(office, f"C{client}")["liabilities"]
    names = ("currentBalance", "annualInterestRate", "scheduledMonthlyPayment", "remainingYears")
    return tuple(None if only[name] is None else float(only[name]) for name in names)


@pytest.mark.parametrize(
    ("lender", "loan_number", "account_name", "expected"),
    [
        (" Bank ", "L-1", "Mortgage", "Bank"),
        (" ", "L-1", "Mortgage", "L-1"),
        (None, "", " Mortgage", "Mortgage"),
        (None, None, "\t", None),
    ],
)
def test_a_liability_is_named_by_the_first_name_that_is_not_blank(
    office, client, lender, loan_number, account_name, expected
):
    liability = office.liability(client, lender=lender, loan_number=loan_number, account_name=account_name)
    assert case(office, f"C{client}")["liabilities"][0]["liabilityName"] == expected
    assert fact(batch_of(office, "profiles"), "liabilities", liability)["liability_name"] == expected


def test_calculate_selected_sends_the_current_loan(office, client):
    office.liability(client, **ORIGINATED)
    assert sent(office, client) == (9000, 3, 100, 8)


@pytest.mark.parametrize("calculate", [False, None])
def test_calculate_not_selected_sends_the_originating_loan_even_where_current_figures_are_filled_in(
    office, client, calculate
):
    liability = office.liability(client, calculate=calculate, orig_monthly_payment="1200.25", **ORIGINATED)
    assert sent(office, client) == (200000, 6, 1200.25, 30)
    facts = fact(batch_of(office, "profiles"), "liabilities", liability)
    assert (facts["has_current_figures"], facts["computed_figures"], facts["calculate"]) == (True, 0, False)


def test_blank_current_figures_are_computed_from_the_originating_terms(office, client):
    liability = office.liability(client, **BLANK, **ORIGINATED)
    assert sent(office, client) == (182795.91, 6, 1199.1, 24)
    facts = fact(batch_of(office, "profiles"), "liabilities", liability)
    assert (facts["computed_figures"], facts["sent_balance"], facts["sent_years"]) == (4, 18279591, 24000)


def test_the_recorded_originating_payment_pays_the_computed_balance(office, client):
    office.liability(client, **BLANK, **ORIGINATED | {"orig_monthly_payment": 2000, "orig_interest_rate": 0})
    assert sent(office, client) == (56000, 0, 2000, 24)


def test_one_blank_current_figure_leaves_the_others_as_recorded(office, client):
    office.liability(client, loan_balance=None, **ORIGINATED)
    assert sent(office, client) == (182795.91, 3, 100, 8)


def test_a_blank_originating_payment_is_computed(office, client):
    liability = office.liability(client, calculate=False, **ORIGINATED)
    assert sent(office, client) == (200000, 6, 1199.1, 30)
    assert fact(batch_of(office, "profiles"), "liabilities", liability)["computed_figures"] == 1


def test_zero_is_a_value_and_is_not_computed(office, client):
    office.liability(client, **ORIGINATED | {"loan_balance": 0, "balloon_period": 0})
    assert sent(office, client) == (0, 3, 100, 0)


def test_what_cannot_be_computed_is_null(office, client):
    office.liability(client, **BLANK)
    assert sent(office, client) == (None, None, None, None)


def test_a_figure_that_is_not_finite_is_not_replaced(office, client):
    liability = office.liability(client, **ORIGINATED | {"loan_balance": float("nan"), "interest_rate": float("inf")})
    assert sent(office, client) == (None, None, 100, 8)
    facts = fact(batch_of(office, "profiles"), "liabilities", liability)
    assert (facts["sent_balance"], facts["computed_figures"]) == (None, 0)


IMPOSSIBLE = {
    "before 1900": {"orig_loan_date": date(1899, 12, 31)},
    "after the run's date": {"orig_loan_date": date(2026, 2, 1)},
    "over 100 years": {"orig_balloon_period": "100.001"},
    "a negative amount": {"orig_loan_amount": "-0.01"},
    "an amount beyond NUMERIC(18,2)": {"orig_loan_amount": 10**16},
    "an amount that is no number": {"orig_loan_amount": float("nan")},
}


@pytest.mark.parametrize("term", IMPOSSIBLE)
def test_LIA_TERM_nothing_is_computed_from_a_term_that_no_loan_can_have(office, client, term):
    liability = office.liability(client, **BLANK, **ORIGINATED | IMPOSSIBLE[term])
    balance, rate, _, years = sent(office, client)
    assert (balance, rate) == (None, 6)
    assert years is None or "amount" in term
    facts = fact(batch_of(office, "profiles"), "liabilities", liability)
    flags = [facts[f"orig_{name}_is_possible"] for name in ("amount", "period", "date")]
    (column,) = IMPOSSIBLE[term]
    assert flags == [column != f"orig_{name}" for name in ("loan_amount", "balloon_period", "loan_date")]


@pytest.mark.parametrize(
    "terms",
    [
        {"orig_loan_date": date(1900, 1, 1), "orig_balloon_period": 100},
        {"orig_loan_date": AS_OF, "orig_loan_amount": 0},
        dict.fromkeys(ORIGINATED),
    ],
)
def test_LIA_TERM_the_utmost_that_a_loan_can_have_is_possible(office, client, terms):
    liability = office.liability(client, **ORIGINATED | terms)
    facts = fact(batch_of(office, "profiles"), "liabilities", liability)
    assert all(facts[f"orig_{name}_is_possible"] for name in ("amount", "period", "date"))


@pytest.mark.parametrize(
    ("balance", "permille"), [("182795.91", 0), ("192795.91", 50), ("192795.92", 51), ("172795.90", 51), (None, None)]
)
def test_drift_is_per_mille_of_the_original_amount_rounded_up(office, client, balance, permille):
    liability = office.liability(client, **ORIGINATED | {"loan_balance": balance})
    assert fact(batch_of(office, "profiles"), "liabilities", liability)["drift_permille"] == permille


def test_there_is_no_drift_without_calculate(office, client):
    liability = office.liability(client, calculate=False, **ORIGINATED)
    assert fact(batch_of(office, "profiles"), "liabilities", liability)["drift_permille"] is None


def test_computed_figures_follow_the_date_of_the_run(office, client):
    office.liability(client, **BLANK, **ORIGINATED)
    balances = [
        case(office, f"C{client}", as_of=as_of)["liabilities"][0]["currentBalance"]
        for as_of in (date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 30), date(2020, 3, 31))
    ]
    assert [float(balance) for balance in balances] == [200000, 199800.9, 199800.9, 199600.8]


def test_liabilities_of_others_do_not_go_and_emoney_takes_none(office):
    home = office.couple(son=person())
    ids = [office.liability(contact_id) for contact_id in home.members]
    assert [each["owner"] for each in case(office, home.unit_key)["liabilities"]] == ["clientA", "clientB"]
    assert left_out(batch_of(office, "profiles")) == {("liability", ids[2], "LIA-SCOPE")}
    assert client_file(office, home.unit_key)["items"] == []
    assert "liabilities" not in batch_of(office, "emoney").facts
