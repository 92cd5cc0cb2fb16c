"""What is said is said once, and a progress is begun and ended in order."""

from concurrent.futures import Future

import pytest
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from empower_lsp.edge.notify import Notifier, outline


class Client(LanguageServer):
    """A server that keeps what it would send."""

    def __init__(self, progress: bool) -> None:
        super().__init__("test", "1")
        window = types.WindowClientCapabilities(work_done_progress=progress)
        self.protocol.client_capabilities = types.ClientCapabilities(window=window)
        self.created: list[Future[None]] = []
        self.sent: list[object] = []

    def window_work_done_progress_create(self, params: object, callback: object = None) -> Future[None]:
        self.created.append(Future())
        return self.created[-1]

    def progress(self, params: types.ProgressParams) -> None:
        self.sent.append(params.value)

    def window_show_message(self, params: types.ShowMessageParams) -> None:
        self.sent.append((params.type, params.message))


BEGIN = types.WorkDoneProgressBegin(title="Loading")
END = types.WorkDoneProgressEnd()


def test_a_text_is_said_once_until_everything_is_forgotten() -> None:
    client = Client(progress=True)
    notifier = Notifier(client)
    for _ in range(2):
        notifier.warn("a")
        notifier.fail("b")
    notifier.warn("b")
    assert client.sent == [(types.MessageType.Warning, "a"), (types.MessageType.Error, "b")]
    notifier.forget()
    notifier.warn("a")
    assert len(client.sent) == 3


def test_progress_begins_when_the_client_has_agreed() -> None:
    client = Client(progress=True)
    notifier = Notifier(client)
    notifier.begin("Loading")
    notifier.begin("Loading")
    assert client.sent == []
    client.created[0].set_result(None)
    assert client.sent == [BEGIN]
    notifier.end()
    notifier.end()
    assert client.sent == [BEGIN, END]
    assert len(client.created) == 1


def test_work_that_ends_before_the_client_has_agreed_is_not_shown() -> None:
    client = Client(progress=True)
    notifier = Notifier(client)
    notifier.begin("Loading")
    notifier.end()
    notifier.begin("Loading")
    client.created[0].set_result(None)
    assert client.sent == []
    client.created[1].set_result(None)
    assert client.sent == [BEGIN]


def test_a_refused_progress_is_not_shown() -> None:
    client = Client(progress=True)
    notifier = Notifier(client)
    notifier.begin("Loading")
    client.created[0].set_exception(RuntimeError("no"))
    notifier.end()
    assert client.sent == []


def test_a_client_without_progress_is_not_asked() -> None:
    client = Client(progress=False)
    Notifier(client).begin("Loading")
    assert client.created == []


def test_an_outline_has_no_words_of_the_exception() -> None:
    with pytest.raises(ValueError) as raised:
        raise ValueError("password = 'hunter2'")
    assert outline(raised.value).startswith("ValueError at test_notify.py:")
    assert outline(KeyError("x")) == "KeyError"
