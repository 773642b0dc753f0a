"""Text can be read in both colour schemes: WCAG AA, computed from the style sheet's own colours."""

import re
from pathlib import Path

import pytest

import include.report

STYLE = (Path(include.report.__file__).parent / "templates" / "style.css.j2").read_text(encoding="utf-8")
SURFACES = ("page", "card", "sunk")
CHIPS = ("critical", "warning", "info", "fresh")


def palettes() -> dict[str, dict[str, str]]:
    """The colours by name, in the light and in the dark scheme."""
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return {"light": _colours(light), "dark": _colours(dark)}


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' relative luminances, 1 to 21 (WCAG 2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_computed_as_the_standard_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_both_schemes_name_the_same_colours() -> None:
    assert set(palettes()["light"]) == set(palettes()["dark"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", ["ink", "ink-soft", "accent"])
def test_text_stands_out_from_every_surface(scheme: str, surface: str, text: str) -> None:
    colours = palettes()[scheme]
    assert contrast(colours[text], colours[surface]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("chip", CHIPS)
def test_the_words_on_a_chip_stand_out_from_it(scheme: str, chip: str) -> None:
    colours = palettes()[scheme]
    assert contrast(colours[f"{chip}-ink"], colours[f"{chip}-fill"]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_edges_and_focus_stand_out_from_the_card(scheme: str) -> None:
    colours = palettes()[scheme]
    shapes = [name for name in colours if name.startswith("bar-") or name.endswith("-edge") or name == "focus"]
    assert len(shapes) == 11
    assert {name: round(contrast(colours[name], colours["card"]), 2) for name in shapes if
            contrast(colours[name], colours["card"]) < 3} == {}  # fmt: skip


def test_every_colour_of_text_is_one_of_those_checked() -> None:
    """Rules may colour text only with names whose contrast is tested above."""
    used = set(re.findall(r"[ ;{]color: ([^;]+);", STYLE))
    checked = {f"var(--{name})" for name in ("ink", "ink-soft", "accent", *(f"{chip}-ink" for chip in CHIPS))}
    assert used <= checked
    assert "outline: none" not in STYLE.replace("main:focus { outline: none; }", "")
