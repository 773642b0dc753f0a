"""The style page's banned words stay out of what people read: code, texts, documents, names of tests."""

from __future__ import annotations

import re

from include import ROOT

BANNED = re.compile(
    r"\b(of the own|whose it is|c[ao]mes? to nothing|told(?! apart)|by now|whatever|whoever|wherever)\b",
    re.IGNORECASE,
)
KINDS = {".py", ".md", ".j2", ".html", ".csv", ".sh", ".toml"}
# The page that bans them, and steps of the ledger, which are frozen once they have landed.
EXCEPT = ("docs/style.md", "etl/load/ledger/migrations/versions/")


def test_banned_words_stay_out_of_the_product_and_its_documents() -> None:
    paths = [ROOT / "README.md", *(path for top in ("dags", "docs", "etl", "expectations", "include")
                                   for path in sorted((ROOT / top).rglob("*")) if path.suffix in KINDS)]  # fmt: skip
    found = [
        f"{name}:{number}: {match[0]}"
        for path in paths
        if not (name := path.relative_to(ROOT).as_posix()).startswith(EXCEPT)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := BANNED.search(line))
    ]
    assert not found, "\n".join(found)


def test_banned_words_stay_out_of_the_names_of_tests() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
        if BANNED.search(name.replace("_", " "))
    ]
    assert not found, "\n".join(found)
