"""The language server: its handlers translate between the protocol and the session, and decide nothing."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.workspace import TextDocument

from empower_lsp import __version__, convert
from empower_lsp.notify import Notifier, outline
from empower_lsp.session import Session
from empower_lsp.settings import SECTION, Settings, parse
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_model.completion import Completer
    from empower_model.host import HostEvent

LARGEST = 1_000_000
"""Characters of the largest document that gets inline completions."""

PULL_SECONDS = 3.0
"""How long a client may take to tell its configuration before the engine starts without."""

_log = logging.getLogger("empower_lsp")


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

    def _send_response(
        self, msg_id: str | int, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        if error is not None and error.code == JsonRpcInternalError.CODE:
            error = types.ResponseError(error.code, "Internal error; the server's log has its place.")
        super()._send_response(msg_id, result, error)


class EmpowerServer(LanguageServer):
    """The state of one client's connection: its settings, its session, and what it was told."""

    def __init__(self, start: Callable[[Settings, Callable[[HostEvent], None]], Completer] | None = None) -> None:
        super().__init__(
            "empower-lsp", __version__, protocol_cls=Protocol, converter_factory=convert.tolerant_converter
        )
        self.settings = Settings()
        self.initial = Settings()
        """The settings of the initialization options, under those of `workspace/configuration`."""
        self.session: Session | None = None
        """None until the settings are known, and while no model can be used."""
        self.configured = asyncio.Event()
        self.engine = "starting"
        """The last thing heard of the engine."""
        self.switched: dict[str, bool] = {}
        """What `empower.toggle` turned on or off by language id, `*` for all."""
        self.notifier = Notifier(self)
        self._start = start or start_engine
        for method, handler in HANDLERS.items():
            self.feature(method, OPTIONS.get(method))(handler)
        for name, handler in COMMANDS.items():
            self.command(name)(handler)

    @property
    def encoding(self) -> str:
        """The position encoding agreed with the client."""
        return types.PositionEncodingKind(self.workspace.position_encoding).value

    def document(self, uri: str) -> TextDocument | None:
        """An open document; never one from the disk."""
        document: TextDocument | None = self.workspace.text_documents.get(unquote(uri))
        return document

    def is_on(self, language: str) -> bool:
        """Whether inline completions are on for a language id, in the settings and by `empower.toggle`."""
        return self.switched.get("*", True) and self.switched.get(language, self.settings.allows(language))

    def is_denied(self, uri: str) -> bool:
        """Whether a document's file must not be read."""
        path, folders = _path(uri), [_path(folder) for folder in self.workspace.folders]
        around = [folder for folder in folders if path.startswith(folder.rstrip("/") + "/")]
        return self.settings.denies(path, max(around, key=len, default="/"))

    def apply(self, settings: Settings, problems: list[str]) -> None:
        """Take on settings; another engine is started when they ask for one."""
        stale = not self.configured.is_set() or settings.engine != self.settings.engine
        self.settings = settings
        _log.setLevel({"off": logging.CRITICAL + 1}.get(settings.log_level) or settings.log_level.upper())
        if stale:
            self.notifier.forget()
        for problem in problems:
            self.notifier.warn(problem)
        if stale:
            self._restart()
        self.configured.set()

    def _restart(self) -> None:
        self.notifier.end()
        try:
            completer = self._start(self.settings, self._listen())
        except EmpowerError as error:
            self.close()
            self.engine = "failed"
            self.notifier.fail(str(error))
            return
        if self.session is None:
            self.session = Session(completer)
        else:
            self.session.use(completer)

    def _listen(self) -> Callable[[HostEvent], None]:
        """What hears an engine, on any thread, as long as it is the newest."""
        loop = asyncio.get_running_loop()
        self._heard = heard = object()

        def tell(event: HostEvent) -> None:
            if self._heard is heard:
                self.on_engine(event)

        def post(event: HostEvent) -> None:
            with suppress(RuntimeError):  # the loop may be over before the engine is
                loop.call_soon_threadsafe(tell, event)

        return post

    def on_engine(self, event: HostEvent) -> None:
        """Pass on what happens to the engine."""
        self.engine = event.kind
        _log.info("engine %s", event.kind)
        if event.kind == "loading":
            self.notifier.begin(event.message)
        else:
            self.notifier.end()
        if event.kind == "restarted":
            self.notifier.warn(event.message)
        if event.kind == "failed":
            self.notifier.fail(event.message)

    def close(self) -> None:
        """End the session and its engine."""
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def shutdown(self) -> None:
        """Leave nothing behind, however the connection ended."""
        self.close()
        super().shutdown()  # type: ignore[no-untyped-call]

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what was not foreseen; a person who types is not interrupted for it."""
        _log.warning("%s", outline(sys.exc_info()[1] or error))


def start_engine(settings: Settings, on_event: Callable[[HostEvent], None]) -> Completer:
    """Begin to load the model that the settings ask for. Raises ModelError."""
    from empower_model import store
    from empower_model.engine import EngineConfig
    from empower_model.host import EngineHost

    model = store.resolve(settings.model or store.default_model())
    store.check_file(model.path)
    config = EngineConfig(model.path, settings.threads, settings.gpu_layers, settings.context_size)
    host = EngineHost(config, model.calibration, idle_seconds=settings.idle_minutes * 60, on_event=on_event)
    host.start()
    return host


def initialize(ls: EmpowerServer, params: types.InitializeParams) -> None:
    """Read the initialization options; they are taken on once the reply is out, or with the configuration."""
    ls.initial, problems = parse(params.initialization_options)
    first = ls.initial if not _pulls(ls) else ls.settings
    if _pulls(ls):
        asyncio.get_running_loop().call_soon(lambda: [ls.notifier.warn(problem) for problem in problems])
    else:
        asyncio.get_running_loop().call_soon(ls.apply, first, problems)


async def initialized(ls: EmpowerServer, _: types.InitializedParams) -> None:
    """Ask for the configuration, and to be told of its changes."""
    workspace = ls.client_capabilities.workspace
    changes = workspace.did_change_configuration if workspace else None
    if changes and changes.dynamic_registration:
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        wish = types.Registration(id=method, method=method, register_options={"section": SECTION})
        ls.client_register_capability(types.RegistrationParams([wish]))
    if _pulls(ls):
        await did_change_configuration(ls, types.DidChangeConfigurationParams(settings=None))


async def did_change_configuration(ls: EmpowerServer, params: types.DidChangeConfigurationParams) -> None:
    """Take on the client's settings: asked for if the client can be asked, else as they came."""
    raw = params.settings
    if _pulls(ls):
        section = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        try:
            [raw] = await asyncio.wait_for(ls.workspace_configuration_async(section), PULL_SECONDS)
        except (TimeoutError, JsonRpcException, ValueError) as error:
            _log.warning("no configuration: %s", outline(error))
    ls.apply(*parse(raw, ls.initial))


def did_open(ls: EmpowerServer, params: types.DidOpenTextDocumentParams) -> None:
    """Put our kind of document in the place of pygls'."""
    opened = convert.Document(params.text_document, ls.encoding)
    ls.workspace.text_documents[unquote(params.text_document.uri)] = opened


def did_change(ls: EmpowerServer, params: types.DidChangeTextDocumentParams) -> None:
    """Let the session know that a cancellation now comes from typing."""
    if ls.session is not None:
        ls.session.edited(params.text_document.uri)


def did_close(ls: EmpowerServer, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document."""
    if ls.session is not None:
        ls.session.close_document(params.text_document.uri)


async def inline_completion(ls: EmpowerServer, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """The completion at a position; an empty list when there is none, whatever the reason."""
    began = time.monotonic()
    items: list[types.InlineCompletionItem] = []
    try:
        items = await _items(ls, params)
    except Exception as error:
        _log.warning("%s %s", types.TEXT_DOCUMENT_INLINE_COMPLETION, outline(error))
    _log.info("%s %.0f ms", types.TEXT_DOCUMENT_INLINE_COMPLETION, (time.monotonic() - began) * 1000)
    return types.InlineCompletionList(items)


async def _items(ls: EmpowerServer, params: types.InlineCompletionParams) -> list[types.InlineCompletionItem]:
    document = ls.document(params.text_document.uri)
    if document is None or len(document.source) > LARGEST or "\0" in document.source:
        return []
    query = convert.query(document, params, ls.encoding)  # before the first await: the document goes on changing
    await ls.configured.wait()
    automatic = params.context.trigger_kind is types.InlineCompletionTriggerKind.Automatic
    off = not ls.is_on(query.language) or (automatic and ls.settings.trigger == "manual")
    if ls.session is None or off or ls.is_denied(query.uri):
        return []
    answer = await ls.session.complete(query, ls.settings.limits)
    late = ls.document(query.uri) is not document or document.version != query.version
    return [] if answer is None or late else [convert.item(answer, query.text, ls.encoding)]


def did_show(ls: EmpowerServer, params: object) -> None:
    """A completion was shown."""
    if ls.session is not None and (id := convert.item_id(params)):
        ls.session.signal("shown", id)


def did_partially_accept(ls: EmpowerServer, params: object) -> None:
    """The beginning of a completion was accepted."""
    if ls.session is not None and (id := convert.item_id(params)):
        ls.session.signal("partially accepted", id)


def accept(ls: EmpowerServer, *arguments: Any) -> None:
    """A completion was accepted; its id is the argument."""
    if ls.session is not None and arguments and isinstance(arguments[0], str):
        ls.session.signal("accepted", arguments[0])


def why(ls: EmpowerServer, *_: Any) -> dict[str, Any] | None:
    """Why the last completion ends where it ends."""
    last = ls.session.last if ls.session is not None else None
    return convert.explanation(last) if last is not None else None


def toggle(ls: EmpowerServer, *arguments: Any) -> dict[str, Any]:
    """Turn inline completions on or off, for a language id if one is given, until the server ends."""
    language = arguments[0] if arguments and isinstance(arguments[0], str) else "*"
    was = ls.switched.get(language, language == "*" or ls.settings.allows(language))
    ls.switched[language] = not was
    return {"language": language, "on": not was}


def status(ls: EmpowerServer, *_: Any) -> dict[str, Any]:
    """What a status line may show."""
    return {
        "version": __version__,
        "engine": ls.engine,
        "model": ls.settings.model,
        "on": ls.switched.get("*", True),
        "trigger": ls.settings.trigger,
        "confidence": ls.settings.confidence,
    }


def _pulls(ls: EmpowerServer) -> bool:
    workspace = ls.client_capabilities.workspace
    return workspace is not None and bool(workspace.configuration)


def _path(uri: str) -> str:
    return unquote(urlsplit(uri).path)


HANDLERS: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: initialize,
    types.INITIALIZED: initialized,
    types.SHUTDOWN: lambda ls, *_: ls.close(),
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: did_change_configuration,
    types.TEXT_DOCUMENT_DID_OPEN: did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: did_change,
    types.TEXT_DOCUMENT_DID_CLOSE: did_close,
    types.TEXT_DOCUMENT_INLINE_COMPLETION: inline_completion,
    "textDocument/didShowCompletion": did_show,
    "textDocument/didPartiallyAcceptCompletion": did_partially_accept,
}
OPTIONS = {types.TEXT_DOCUMENT_INLINE_COMPLETION: types.InlineCompletionOptions()}
COMMANDS: dict[str, Callable[..., Any]] = {
    convert.ACCEPT: accept,
    "empower.why": why,
    "empower.toggle": toggle,
    "empower.status": status,
}
