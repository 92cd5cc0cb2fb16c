"""Tells the person, through the client, of changes of state, each said once, and the loading of a model as progress."""

from __future__ import annotations

import traceback
from concurrent.futures import Future
from pathlib import Path
from uuid import uuid4

from lsprotocol import types
from pygls.lsp.server import LanguageServer

READING = "empower/reading"
BETTER = "empower/better"


def outline(error: BaseException) -> str:
    """Return type and place of an exception, for the log, without its words, which may quote a document."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place


class Notifier:
    """The `Announcer` of the protocol; to be used on the server's own thread."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._said: set[str] = set()
        self._work: str | None = None
        self._begun = False

    def tell(self, text: str) -> None:
        """Show a piece of information, unless the same text was shown before."""
        self._say(text, types.MessageType.Info)

    def warn(self, text: str) -> None:
        """Show a warning, unless the same text was shown before."""
        self._say(text, types.MessageType.Warning)

    def fail(self, text: str) -> None:
        """Show an error, unless the same text was shown before."""
        self._say(text, types.MessageType.Error)

    def forget(self) -> None:
        """Let everything be said again, after a deliberate change."""
        self._said.clear()

    def begin(self, title: str) -> None:
        """Open a progress, if the client shows any and none is open."""
        window = self._server.client_capabilities.window
        if self._work is not None or window is None or not window.work_done_progress:
            return
        token = self._work = str(uuid4())
        self._begun = False

        def created(reply: Future[None]) -> None:
            # The work may be over before the client has answered, and a client may refuse.
            if self._work == token and not reply.cancelled() and reply.exception() is None:
                self._begun = True
                self._progress(token, types.WorkDoneProgressBegin(title=title))

        create = types.WorkDoneProgressCreateParams(token=token)
        self._server.window_work_done_progress_create(create).add_done_callback(created)

    def end(self) -> None:
        """Close the progress that is open, if any."""
        if self._work is not None and self._begun:
            self._progress(self._work, types.WorkDoneProgressEnd())
        self._work = None

    def reading(self, read: int, of: int) -> None:
        """Tell a client of ours that so many tokens of a prompt are evaluated, and of how many."""
        if self._is_ours:
            self._server.protocol.notify(READING, {"read": read, "toRead": of})

    def better(self, uri: str) -> None:
        """Tell a client of ours that who asks again in a document, at the same cursor, gets a better text."""
        if self._is_ours:
            self._server.protocol.notify(BETTER, {"uri": uri})

    @property
    def _is_ours(self) -> bool:
        """Tell whether the client knows our notifications, as it says among its experimental capabilities."""
        match self._server.client_capabilities.experimental:
            case {"empower": {"notifications": True}}:
                return True
        return False

    def _progress(self, token: str, value: types.WorkDoneProgressBegin | types.WorkDoneProgressEnd) -> None:
        self._server.progress(types.ProgressParams(token=token, value=value))

    def _say(self, text: str, kind: types.MessageType) -> None:
        if text not in self._said:
            self._said.add(text)
            self._server.window_show_message(types.ShowMessageParams(kind, text))
