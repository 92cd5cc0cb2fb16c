"""The table of what the hard tests found: each line is judged when it is written, and all are printed at the end."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, and whether it is as it must be."""

    what: str
    figure: str
    holds: bool
    bound: str = ""
    before: str = ""


@dataclass(slots=True)
class Table:
    """The lines so far, in order."""

    lines: list[Line] = field(default_factory=list)

    def judge(self, what: str, figure: object, holds: bool, bound: str = "", before: str = "") -> None:
        """Write a line, and fail where it does not hold; `before` is what was found when there were no such tests."""
        self.lines.append(Line(what, str(figure), holds, bound, before))
        assert holds, f"{what}: {figure}" + (f", not {bound}" if bound else "")

    def text(self) -> str:
        """Return the table."""
        rows = [("what", "before", "found", "bound", "")]
        rows += [(row.what, row.before, row.figure, row.bound, "ok" if row.holds else "NO") for row in self.lines]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
