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


@dataclass(slots=True)
class Table:
    """The lines so far, in order."""

    lines: list[Line] = field(default_factory=list)

    def judge(self, what: str, figure: object, holds: bool, bound: str = "") -> None:
        """Write a line, and fail where it does not hold."""
        self.lines.append(Line(what, str(figure), holds, bound))
        assert holds, f"{what}: {figure}" + (f", not {bound}" if bound else "")

    def text(self) -> str:
        """Return the table."""
        rows = [("what", "found", "bound", ""), *((line.what, line.figure, line.bound, "") for line in self.lines)]
        rows = [(*row[:3], "" if n == 0 else "ok" if self.lines[n - 1].holds else "NO") for n, row in enumerate(rows)]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
