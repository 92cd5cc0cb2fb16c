"""Reads and answers messages as pygls does, and bears clients that stray from the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError, JsonRpcInvalidParams
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, LanguageServerProtocol, default_converter


class Protocol(LanguageServerProtocol):
    """pygls' protocol, which answers every request, and tells nobody the words of an unexpected exception."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read a message; a request that cannot be read is answered here, since pygls would leave it waiting."""
        try:
            return super().structure_message(data)
        except JsonRpcException:
            if "id" in data and "method" in data:
                unreadable = JsonRpcInvalidParams(f"The parameters of {data['method']} cannot be read.")
                self._send_response(data["id"], error=unreadable.to_response_error())
            raise

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


def tolerant_converter() -> Converter:
    """Return pygls' converter, made to read also requests of clients that stray from the protocol."""
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]

    def context(raw: Any, _: object) -> types.InlineCompletionContext:
        given = raw if isinstance(raw, Mapping) else {}
        # vscode-languageclient 9 sends its API's 0 for Invoked; without any word, nobody asked for it.
        invoked = given.get("triggerKind") in (0, 1)
        kind = types.InlineCompletionTriggerKind.Invoked if invoked else types.InlineCompletionTriggerKind.Automatic
        try:
            info = converter.structure(given.get("selectedCompletionInfo"), types.SelectedCompletionInfo)
        except Exception:  # cattrs has no one exception for what does not fit
            info = None
        return types.InlineCompletionContext(kind, info)

    def params(raw: Any, _: object) -> types.InlineCompletionParams:
        document = converter.structure(raw["textDocument"], types.TextDocumentIdentifier)
        position = converter.structure(raw["position"], types.Position)
        return types.InlineCompletionParams(context(raw.get("context"), None), document, position)

    def plain(raw: Any, message: type[JsonRPCNotification] | type[JsonRPCRequestMessage]) -> Any:
        # pygls makes named tuples of parameters it does not know, which not every key survives
        return message(**raw | {"params": raw.get("params")})

    converter.register_structure_hook(types.InlineCompletionParams, params)
    converter.register_structure_hook(JsonRPCNotification, plain)
    converter.register_structure_hook(JsonRPCRequestMessage, plain)
    return converter
