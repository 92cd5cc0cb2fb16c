"""What the extension draws, in a light, a dark and a high-contrast theme: can be read, and is there to be looked at.

Pictures go to the folder that EMPOWER_SCREENSHOTS names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest

from tests.clients.vscode.scene import offered
from tests.clients.vscode.window import VSCode

THEMES = {"light": "Default Light Modern", "dark": "Default Dark Modern", "contrast": "Default High Contrast"}
READABLE = {"light": 4.5, "dark": 4.5, "contrast": 7.0}
"""Least contrast of text (WCAG 2.2: AA, and AAA for who has chosen high contrast)."""
TEXTS = (
    "h1",
    "p.words",
    "p.words code",
    "pre .before",
    "pre span:not(.dropped):not(.before)",
    "summary",
    "td",
    ".legend",
)


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest, editor: VSCode) -> Iterator[str]:
    """Return the name of a theme that the window has."""
    name = str(request.param)
    editor.configure({"workbench.colorTheme": THEMES[name]})
    kind = {"light": ".vs", "dark": ".vs-dark", "contrast": ".hc-black"}[name]
    editor.until(lambda: editor("labels", f".monaco-workbench{kind}"), "the theme is there")
    yield name
    editor.configure({"workbench.colorTheme": THEMES["dark"]})


def test_all_that_is_drawn_can_be_read(editor: VSCode, theme: str) -> None:
    offered(editor, f"{theme}.py")
    editor("hover", ".statusbar-item [aria-label^='Empower: ']")
    editor.until(lambda: "tokens kept" in str(editor("texts", ".monaco-hover")), "the tooltip opens")
    time.sleep(0.5)  # it fades in
    editor.picture(f"status-{theme}")
    editor.press("Control+Alt+w")
    editor.until(lambda: editor("framed", "p.words"), "the page opens")
    editor.until(lambda: editor("colours", "h1"), "it is drawn")
    editor.picture(f"why-{theme}")
    for selector in TEXTS:
        for ink, ground in editor("colours", selector):
            assert contrast(ink, ground) >= READABLE[theme], (selector, ink, ground)
    for ink, ground in editor("colours", "pre .dropped"):  # struck through, and so weaker
        assert contrast(ink, ground) >= 3, (ink, ground)
    editor.command("Empower: Get Started")
    editor.until(lambda: "Try it" in str(editor("texts", "h3")), "the walkthrough opens")
    editor("click", "h3:has-text('Try it')")
    editor.until(lambda: "Alt+Shift+" in str(editor("framed", "td")), "the keys are listed")
    editor.picture(f"walkthrough-{theme}")


def contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2), of red, green and blue from 0 to 255 each."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: Sequence[int]) -> float:
    shares = [part / 255 for part in colour]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * light for weight, light in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
