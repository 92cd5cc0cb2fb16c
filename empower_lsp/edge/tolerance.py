"""Reads and answers messages as pygls does, and bears clients that stray from the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, LanguageServerProtocol, default_converter


class Protocol(LanguageServerProtocol):
    """pygls' protocol, which answers every request, and tells nobody the words of an unexpected exception."""

    def received(self, data: Any) -> None:
        """Take a message, as JSON; each that has an id is answered, whatever is wrong with it."""
        try:
            self._check(data)
            notified = self._is_notification(data)
            if notified and "id" in data:  # what it says counts all the same
                self.handle_message(self.structure_message({key: data[key] for key in data if key != "id"}))
                self._send_response(data["id"])
            elif self._is_timely(data):
                self.handle_message(self.structure_message(data))
        except JsonRpcInvalidRequest as error:
            self.refused(error, _id(data))
        except JsonRpcServerNotInitialized as error:
            self.refused(error, _id(data))
        except (JsonRpcException, RecursionError, ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(data, dict) and "id" in data and "method" in data:
                self.refused(JsonRpcInvalidParams(f"The parameters of {data['method']} cannot be read."), data["id"])
            self._server._report_server_error(error, JsonRpcException)

    def refused(self, error: JsonRpcException, msg_id: str | int | None = None) -> None:
        """Answer a message that cannot be taken; None for one whose id cannot be read."""
        answer: Any = {"jsonrpc": self.VERSION, "id": msg_id, "error": {"code": error.code, "message": error.message}}
        self._send_data(answer)

    def _check(self, data: Any) -> None:
        """Raise JsonRpcInvalidRequest for what is no message of JSON-RPC, but for an answer that nobody has asked."""
        if not isinstance(data, dict):
            raise JsonRpcInvalidRequest("A message is one object.")
        if "id" in data and _id(data) is None:
            raise JsonRpcInvalidRequest("An id is a string or a whole number.")
        if data.get("jsonrpc") != self.VERSION:
            raise JsonRpcInvalidRequest("`jsonrpc` must be 2.0.")
        if "method" in data and not isinstance(data["method"], str):
            raise JsonRpcInvalidRequest("`method` must be a string.")
        if not data.keys() & {"method", "result", "error"}:
            raise JsonRpcInvalidRequest("There is no `method`.")

    def _is_notification(self, data: dict[str, Any]) -> bool:
        kind = self.get_message_type(data.get("method", ""))
        return kind is not None and kind.__name__.endswith("Notification")

    def _is_timely(self, data: dict[str, Any]) -> bool:
        """Return whether this is the time for a message. Raises what a request at another time is answered with."""
        method = data.get("method")
        if method in (None, types.EXIT):
            return True
        if self._shutdown:
            late: JsonRpcException = JsonRpcInvalidRequest("The server was shut down.")
        elif self._workspace is None and method != types.INITIALIZE:
            late = JsonRpcServerNotInitialized("The server was not initialized.")
        elif self._workspace is not None and method == types.INITIALIZE:
            late = JsonRpcInvalidRequest("The server was initialized before.")
        else:
            return True
        if "id" in data:
            raise late
        return False

    def _execute_handler(
        self,
        msg_id: str | int,
        handler: Callable[..., Any],
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Call a handler; what pygls keeps to cancel it by goes once it has ended, of notifications too."""
        super()._execute_handler(msg_id, handler, callback, args, kwargs)
        if (future := self._request_futures.get(msg_id)) is not None:
            future.add_done_callback(partial(self._let_go, msg_id))

    def _let_go(self, msg_id: str | int, ended: Future[Any]) -> None:
        if self._request_futures.get(msg_id) is ended:
            del self._request_futures[msg_id]

    def _handle_response(
        self, msg_id: str | int, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        self._result_types.pop(msg_id, None)  # pygls keeps it where the client answers with an error
        super()._handle_response(msg_id, result, error)

    def _send_response(
        self, msg_id: str | int, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        if error is not None and error.code == JsonRpcInternalError.CODE:
            error = types.ResponseError(error.code, "Internal error; the server's log has its place.")
        super()._send_response(msg_id, result, error)


def _id(data: Any) -> str | int | None:
    """Return the id of a message; None if there is none that can be."""
    id = data.get("id") if isinstance(data, dict) else None
    return id if isinstance(id, str | int) and not isinstance(id, bool) else None


def tolerant_converter() -> Converter:
    """Return pygls' converter, made to read also requests of clients that stray from the protocol."""
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]

    def context(raw: Any, _: object) -> types.InlineCompletionContext:
        given = raw if isinstance(raw, Mapping) else {}
        # vscode-languageclient 9 sends its API's 0 for Invoked; without any word, nobody asked for it.
        invoked = given.get("triggerKind") in (0, 1)
        kind = types.InlineCompletionTriggerKind.Invoked if invoked else types.InlineCompletionTriggerKind.Automatic
        try:
            selected = dict(given["selectedCompletionInfo"])
            if isinstance(ends := selected["range"], list):  # of two positions, as VS Code's API writes it
                selected["range"] = dict(zip(("start", "end"), ends, strict=True))
            info = converter.structure(selected, types.SelectedCompletionInfo)
        except Exception:  # cattrs has no one exception for what does not fit
            info = None
        return types.InlineCompletionContext(kind, info)

    def params(raw: Any, _: object) -> types.InlineCompletionParams:
        document = identifier(raw["textDocument"], None)
        position = converter.structure(raw["position"], types.Position)
        return types.InlineCompletionParams(context(raw.get("context"), None), document, position)

    def identifier(raw: Any, _: object) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(_uri(raw["uri"]))

    def versioned(raw: Any, _: object) -> types.VersionedTextDocumentIdentifier:
        return types.VersionedTextDocumentIdentifier(_version(raw.get("version")), _uri(raw["uri"]))

    def opened(raw: Any, _: object) -> types.TextDocumentItem:
        language = raw.get("languageId") or ""
        return types.TextDocumentItem(_uri(raw["uri"]), language, _version(raw.get("version")), raw["text"])

    def plain(raw: Any, message: type[JsonRPCNotification] | type[JsonRPCRequestMessage]) -> Any:
        # pygls makes named tuples of parameters it does not know, which not every key survives
        return message(**raw | {"params": raw.get("params")})

    converter.register_structure_hook(types.InlineCompletionParams, params)
    converter.register_structure_hook(types.TextDocumentIdentifier, identifier)
    converter.register_structure_hook(types.VersionedTextDocumentIdentifier, versioned)
    converter.register_structure_hook(types.TextDocumentItem, opened)
    converter.register_structure_hook(JsonRPCNotification, plain)
    converter.register_structure_hook(JsonRPCRequestMessage, plain)
    return converter


def _version(raw: Any) -> int:
    """Return a document's version; 0 where a client does not count, since nothing here depends on it."""
    return raw if type(raw) is int and abs(raw) < 2**31 else 0


def _uri(raw: Any) -> Any:
    """Return a document's URI, those of files with `//`, however a client writes them."""
    if isinstance(raw, str) and raw.startswith("file:/") and not raw.startswith("file://"):
        return f"file://{raw.removeprefix('file:')}"
    return raw
