"""Serves over standard input and output, which nothing but the protocol may touch."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_TALKATIVE = ("pygls", "asyncio", "concurrent.futures", "cattrs")
"""Loggers that quote messages, and so documents."""


def serve() -> None:
    """Serve one client until it says exit or closes the stream, which exits with 1 when it came without notice."""
    os.environ["PYTHONSAFEPATH"] = "1"  # a workspace's own json.py must not be imported by the engine's process
    stay_at_home()
    quieten()
    stdin, stdout = shield()
    from empower_lsp.edge.server import create_server  # what prints while it is imported finds the shield

    server = create_server()
    server.converse(stdin, stdout)
    logging.shutdown()
    os._exit(not server.finished)  # a thread may wait for standard input for ever


def stay_at_home() -> None:
    """Import nothing from PYTHONPATH, here or in the engine's process, but from where packages were installed.

    What a person set for their own work may hold a numpy.py.
    """
    kept = []
    for entry in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if _is_installed_in(entry):
            kept.append(entry)
        else:
            sys.path[:] = [path for path in sys.path if path not in (entry, str(Path(entry).absolute()))]
    os.environ["PYTHONPATH"] = os.pathsep.join(kept)


def _is_installed_in(folder: str) -> bool:
    """Return whether packages were installed in a folder; not in one that may not be looked into."""
    with suppress(OSError):
        return any(path.name == "empower_lsp" or path.suffix == ".dist-info" for path in Path(folder).iterdir())
    return False


def shield() -> tuple[BinaryIO, BinaryIO]:
    """Return the real standard streams; put in their places an empty input, and output that goes to standard error.

    What native code or a child process prints or reads can then not break the protocol.
    """
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return stdin, stdout


def quieten() -> None:
    """Log to standard error, our own words only: names, durations, the kinds and places of errors."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
