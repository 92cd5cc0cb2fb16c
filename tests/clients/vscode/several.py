"""A server that offers three inline completions when asked for them, one while a person types; it notes what it hears.

python several.py NOTES --stdio
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

START = "value = "
"""They complete a line that begins so."""
TEXTS = ("one or more", "two or more", "three or more")

LATE = "late = "
"""In a line that begins so, EARLY is offered first, and once it was told that there is something better, BETTER."""
EARLY, BETTER = "early", "better late"
BETTER_SECONDS = 0.5

READY = "Something to choose from is loaded."

server = LanguageServer("several", "0")


told: list[str] = []
"""The documents for which a better text was told."""


def _late(ls: LanguageServer, uri: str) -> str:
    """Return what is offered late; the first time, tell soon that there is something better."""
    if uri not in told:

        def tell() -> None:
            told.append(uri)
            ls.protocol.notify("empower/better", {"uri": uri})

        if _knows(ls):
            asyncio.get_running_loop().call_later(BETTER_SECONDS, tell)
        return EARLY
    return BETTER


def _knows(ls: LanguageServer) -> bool:
    """Tell whether the client says that it knows the notifications."""
    match ls.client_capabilities.experimental:
        case {"empower": {"notifications": True}}:
            return True
    return False


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
async def offer(ls: LanguageServer, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    place = params.position
    line = ls.workspace.get_text_document(params.text_document.uri).lines[place.line][: place.character]
    if line == LATE:
        automatic = params.context.trigger_kind is types.InlineCompletionTriggerKind.Automatic
        text = _late(ls, params.text_document.uri) if automatic else "asked for by hand"
        return types.InlineCompletionList([_item(text, "", place)])
    typed = line.removeprefix(START)
    found = [text for text in TEXTS if text.startswith(typed) and text != typed and line.startswith(START)]
    if params.context.trigger_kind is types.InlineCompletionTriggerKind.Automatic:
        found = found[:1]
    return types.InlineCompletionList([_item(text, typed, place) for text in found])


def _item(text: str, typed: str, place: types.Position) -> types.InlineCompletionItem:
    accept = types.Command("Accept", "empower.accept", arguments=[text])
    return types.InlineCompletionItem(text[len(typed) :], range=types.Range(place, place), command=accept)


@server.command("empower.accept")
def accept(ls: LanguageServer, name: str) -> None:
    _note("empower.accept", name)


@server.command("empower.status")
def status(ls: LanguageServer, *_: Any) -> dict[str, Any]:
    return {"version": "0", "engine": "ready", "message": READY, "confidence": 0.3}


@server.command("empower.why")
def why(ls: LanguageServer, *_: Any) -> None:
    return None


@server.feature("textDocument/didRestCursor")
def rest(ls: LanguageServer, params: Any) -> None:
    _note("didRestCursor", params.position.line, params.position.character)


def _told(method: str) -> None:
    @server.feature(method)
    def _(ls: LanguageServer, params: Any) -> None:
        [name] = params.item.command.arguments
        _note(method.removeprefix("textDocument/"), name, getattr(params, "acceptedLength", None))


def _note(*what: object) -> None:
    with Path(sys.argv[1]).open("a", encoding="utf-8") as notes:
        notes.write(json.dumps(what) + "\n")


for method in ("didShowCompletion", "didPartiallyAcceptCompletion", "didDismissCompletion"):
    _told(f"textDocument/{method}")

if __name__ == "__main__":
    server.start_io()
