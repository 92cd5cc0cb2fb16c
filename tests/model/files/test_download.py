"""Pulling, against a server on this machine that speaks the hub's protocol."""

import errno
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest

from empower_model.errors import DownloadFailed, ModelNotFound
from empower_model.files import store
from empower_model.files.download import pull
from empower_model.files.elsewhere import FoundFile
from empower_model.files.store import CatalogueEntry, Origin

REFERENCE = "acme/tiny-GGUF:tiny.gguf"
PATH = "/acme/tiny-GGUF/resolve/main/tiny.gguf"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK = 10 * 1024 * 1024  # what the hub's library reads before it hands anything on


def gguf(body: int, tensors: int = 2) -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", 3, tensors, 1) + (bytes(range(256)) * (body // 256 + 1))[:body]


@dataclass
class Hub:
    """One file of the hub, and what to do wrong with it."""

    content: bytes
    endpoint: str = ""
    sent: bytes | None = None
    """What is sent in place of `content`."""
    etag: str | None = None
    size: int | None = None
    error: tuple[int, str] | None = None
    """Status and `X-Error-Code` of every answer."""
    cut: int | None = None
    """How many bytes the first answer carries before the connection breaks."""
    dead_after: int | None = None
    """How many GETs are answered before the server falls silent."""
    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""
    gets: list[dict[str, str]] = field(default_factory=list)
    """The headers of each GET."""


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def head(self, status: int, length: int) -> None:
        etag = self.hub.etag or hashlib.sha256(self.hub.content).hexdigest()
        self.send_response(status)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Etag", f'"{etag}"')
        self.send_header("X-Linked-Size", str(self.hub.size or len(self.hub.content)))
        self.send_header("Content-Length", str(length))

    def do_HEAD(self) -> None:
        self.hub.asked.append(f"HEAD {self.path}")
        if self.refused():
            return
        self.head(200, len(self.hub.content))
        self.end_headers()

    def do_GET(self) -> None:
        hub = self.hub
        hub.asked.append(f"GET {self.path}")
        hub.gets.append(dict(self.headers))
        if hub.dead_after is not None and len(hub.gets) > hub.dead_after:
            self.close_connection = True
            return
        if self.refused():
            return
        content = hub.content if hub.sent is None else hub.sent
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.head(206 if asked else 200, len(content) - start)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        end = start + hub.cut if hub.cut is not None and len(hub.gets) == 1 else None
        try:
            self.wfile.write(content[start:end])
        except ConnectionError:  # the client was interrupted
            self.close_connection = True
        if end is not None:
            self.close_connection = True

    def refused(self) -> bool:
        error = self.hub.error or ((404, "EntryNotFound") if self.path != PATH else None)
        if error:
            self.send_response(error[0])
            self.send_header("X-Error-Code", error[1])
            self.send_header("Content-Length", "0")
            self.end_headers()
        return error is not None


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    return tmp_path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(gguf(1000))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint + "/")  # as some people write it
    yield hub
    huggingface_hub.close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the second that the hub's library waits before it tries again."""
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)


def final(data: Path) -> Path:
    return data / "models" / "acme" / "tiny-GGUF" / "tiny.gguf"


def partial(data: Path, hub: Hub) -> Path:
    return data / "models" / ".partial" / hashlib.sha256(hub.content).hexdigest()


def nothing_is_visible(data: Path) -> bool:
    return not list((data / "models").glob("*/*/**/*.*"))


def test_a_whole_pull(hub: Hub, data: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    model = pull(REFERENCE, lambda here, total: seen.append((here, total)))
    sha256 = hashlib.sha256(hub.content).hexdigest()
    assert (model.name, model.path, model.origin) == (REFERENCE, final(data), Origin.PULLED)
    assert model.path.read_bytes() == hub.content
    assert json.loads(store.record(model.path).read_text()) == {
        "repo": "acme/tiny-GGUF",
        "file": "tiny.gguf",
        "revision": COMMIT,
        "sha256": sha256,
    }
    assert store.verify(REFERENCE).sha256 == sha256
    assert seen == [(0, 1024), (1024, 1024)]
    assert not partial(data, hub).exists()


def test_the_hub_is_asked_for_the_file_and_for_nothing_else(hub: Hub, tmp_path: Path) -> None:
    # in a process of its own: the library reads its settings once
    code = f"from empower_model.files.download import pull; pull({REFERENCE!r})"
    home = {"HF_HOME": str(tmp_path / "hub"), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **home}, check=True, timeout=60)
    assert hub.asked == [f"HEAD {PATH}", f"GET {PATH}"]
    assert final(tmp_path).read_bytes() == hub.content


def test_what_is_here_is_not_fetched_again_unless_forced(hub: Hub) -> None:
    pull(REFERENCE)
    pull(REFERENCE)
    assert len(hub.gets) == 1
    hub.content = gguf(2000)
    pull(REFERENCE, force=True)
    assert len(hub.gets) == 2
    assert store.resolve(REFERENCE).path.read_bytes() == hub.content
    assert store.verify(REFERENCE).sha256 == hashlib.sha256(hub.content).hexdigest()


def test_an_interrupted_pull_continues_where_it_stopped(hub: Hub, data: Path) -> None:
    hub.content = gguf(2 * CHUNK + 5_000)

    def interrupt(here: int, total: int | None) -> None:
        if here >= CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(REFERENCE, interrupt)
    assert nothing_is_visible(data)
    assert partial(data, hub).stat().st_size == CHUNK

    seen: list[int] = []
    model = pull(REFERENCE, lambda here, total: seen.append(here))
    assert [headers.get("Range") for headers in hub.gets] == [None, f"bytes={CHUNK}-"]
    assert seen[0] == CHUNK
    assert seen[-1] == len(hub.content)
    assert model.path.read_bytes() == hub.content


@pytest.mark.usefixtures("impatient")
def test_a_broken_connection_is_taken_up_again(hub: Hub, data: Path) -> None:
    hub.content, hub.cut = gguf(2 * CHUNK), CHUNK + 4_000
    assert pull(REFERENCE).path.read_bytes() == hub.content
    assert [headers.get("Range") for headers in hub.gets] == [None, f"bytes={CHUNK}-"]


@pytest.mark.usefixtures("impatient")
def test_what_arrived_before_the_hub_fell_silent_is_kept(hub: Hub, data: Path) -> None:
    hub.content, hub.cut, hub.dead_after = gguf(2 * CHUNK), CHUNK + 4_000, 1
    with pytest.raises(DownloadFailed, match=r"broke off.*model pull acme/tiny-GGUF:tiny\.gguf` again.*is kept"):
        pull(REFERENCE)
    assert nothing_is_visible(data)
    assert partial(data, hub).stat().st_size == CHUNK
    hub.dead_after = None
    assert pull(REFERENCE).path.read_bytes() == hub.content
    assert hub.gets[-1]["Range"] == f"bytes={CHUNK}-"


def test_a_partial_file_that_is_whole_already_only_needs_checking(hub: Hub, data: Path) -> None:
    partial(data, hub).parent.mkdir(parents=True)
    partial(data, hub).write_bytes(hub.content)
    assert pull(REFERENCE).path.read_bytes() == hub.content
    assert hub.gets == []


def test_a_partial_file_longer_than_the_model_is_begun_anew(hub: Hub, data: Path) -> None:
    partial(data, hub).parent.mkdir(parents=True)
    partial(data, hub).write_bytes(hub.content + b"more")
    assert pull(REFERENCE).path.read_bytes() == hub.content
    assert "Range" not in hub.gets[0]


def test_wrong_bytes_are_deleted_and_the_next_pull_begins_anew(hub: Hub, data: Path) -> None:
    hub.sent = hub.content[:-1] + b"!"
    with pytest.raises(DownloadFailed, match=r"What arrived is not acme/tiny-GGUF:tiny\.gguf.*It was deleted"):
        pull(REFERENCE)
    assert nothing_is_visible(data)
    assert not partial(data, hub).exists()
    hub.sent = None
    assert pull(REFERENCE).path.read_bytes() == hub.content


def test_too_few_bytes_are_not_taken_for_a_model(hub: Hub, data: Path) -> None:
    hub.sent = hub.content[:500]
    with pytest.raises(DownloadFailed, match="should be of size 1024 but has size 500"):
        pull(REFERENCE)
    assert nothing_is_visible(data)


def test_a_failed_forced_pull_leaves_the_old_model(hub: Hub, data: Path) -> None:
    old = pull(REFERENCE).path.read_bytes()
    hub.content = gguf(2000)
    hub.sent = bytes(len(hub.content))
    with pytest.raises(DownloadFailed):
        pull(REFERENCE, force=True)
    assert final(data).read_bytes() == old
    assert store.verify(REFERENCE).sha256 == hashlib.sha256(old).hexdigest()


def test_what_matches_its_checksum_and_is_no_model_is_deleted(hub: Hub, data: Path) -> None:
    hub.content = gguf(1000, tensors=0)
    with pytest.raises(DownloadFailed, match=r"arrived whole but cannot be loaded: .*no weights"):
        pull(REFERENCE)
    assert nothing_is_visible(data)
    assert not partial(data, hub).exists()


def test_the_catalogues_checksum_stands_above_the_hubs(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def known(sha256: str) -> None:
        entry = CatalogueEntry("tiny", "tiny.gguf", "MIT", "tiny", repo="acme/tiny-GGUF", sha256=sha256)
        monkeypatch.setattr(store, "catalogue", lambda: {"tiny": entry})

    known("ab" * 32)
    with pytest.raises(DownloadFailed, match=r"another tiny\.gguf .* than the catalogue knows"):
        pull("tiny")
    assert hub.gets == [], "refused before anything is fetched"
    known(hashlib.sha256(hub.content).hexdigest())
    assert pull("tiny").name == "tiny"


def test_a_file_the_hub_gives_no_checksum_for_is_refused(hub: Hub) -> None:
    hub.etag = "d670460b4b4aece5915caf5c68d12f560a9fe3e4"  # a small file's: not a SHA-256
    with pytest.raises(DownloadFailed, match="gives no SHA-256"):
        pull(REFERENCE)
    assert hub.gets == []


def test_a_hub_that_cannot_be_reached(hub: Hub, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{gone.server_port}")
    gone.server_close()
    with pytest.raises(DownloadFailed, match=r"The hub cannot be reached.*Check the network") as caught:
        pull(REFERENCE)
    assert "\n" not in str(caught.value)
    assert nothing_is_visible(data)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ((404, "EntryNotFound"), r"no tiny\.gguf in acme/tiny-GGUF: check the name"),
        ((404, "RevisionNotFound"), "check the name"),
        ((401, "RepoNotFound"), "check the name"),
        ((403, "GatedRepo"), "accepted on its page"),
        ((418, "Teapot"), "cannot be reached, or broke off"),
    ],
)
def test_a_refusal_says_what_to_do(hub: Hub, data: Path, error: tuple[int, str], message: str) -> None:
    hub.error = error
    with pytest.raises(DownloadFailed, match=message) as caught:
        pull(REFERENCE)
    assert "\n" not in str(caught.value)
    assert nothing_is_visible(data)


def test_a_token_is_sent_if_there_is_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    pull(REFERENCE)
    assert hub.gets[0]["Authorization"] == "Bearer hf_mine"


def test_a_model_larger_than_the_free_disk_is_not_begun(hub: Hub) -> None:
    hub.size = 10**18
    with pytest.raises(DownloadFailed, match=r"needs 1000000000\.0 GB and the disk has .* free"):
        pull(REFERENCE)
    assert hub.gets == []


def test_a_disk_that_fills_up_on_the_way(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(DownloadFailed, match=r"The disk is full.*continues where it stopped"):
        pull(REFERENCE)


def test_a_folder_that_cannot_be_written(hub: Hub, data: Path) -> None:
    (data / "models").write_text("a file where the folder should be")
    with pytest.raises(DownloadFailed, match="could not be stored"):
        pull(REFERENCE)


def test_a_pull_that_has_no_room_leaves_nothing(hub: Hub, data: Path) -> None:
    hub.size = 10**18
    with pytest.raises(DownloadFailed):
        pull(REFERENCE)
    assert [path for path in data.rglob("*") if path.is_file()] == []


def test_a_mirror_that_hands_on_no_checksum_is_held_to_the_catalogues(hub: Hub, known: str) -> None:
    hub.etag = "W/1234"
    assert pull(known).path.read_bytes() == hub.content
    assert hub.asked == [f"HEAD {PATH}", f"GET {PATH}"]


# From elsewhere


@pytest.fixture
def known(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name under which the catalogue knows the file, by size and checksum."""
    sha256 = hashlib.sha256(hub.content).hexdigest()
    entry = CatalogueEntry("tiny", "tiny.gguf", "MIT", "tiny", "acme/tiny-GGUF", size=len(hub.content), sha256=sha256)
    monkeypatch.setattr(store, "catalogue", lambda: {"tiny": entry})
    return "tiny"


def test_from_a_file(hub: Hub, known: str, data: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick.gguf"
    stick.write_bytes(hub.content)
    seen: list[tuple[int, int | None]] = []
    model = pull(known, lambda here, total: seen.append((here, total)), source=str(stick))
    assert (model.path, model.path.read_bytes()) == (final(data), hub.content)
    assert json.loads(store.record(model.path).read_text())["sha256"] == store.verify(known).sha256
    assert seen == [(0, 1024), (1024, 1024)]
    assert hub.asked == [], "the catalogue says what is needed"
    assert stick.read_bytes() == hub.content
    assert not partial(data, hub).exists()


def test_from_a_file_at_home(hub: Hub, known: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "stick.gguf").write_bytes(hub.content)
    assert pull(known, source="~/stick.gguf").path.read_bytes() == hub.content


def test_a_copy_continues_where_it_stopped(hub: Hub, known: str, data: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick.gguf"
    stick.write_bytes(hub.content)
    partial(data, hub).parent.mkdir(parents=True)
    partial(data, hub).write_bytes(hub.content[:300])
    seen: list[int] = []
    assert pull(known, lambda here, total: seen.append(here), source=str(stick)).path.read_bytes() == hub.content
    assert seen == [300, 1024]


def test_a_file_that_the_catalogue_has_no_checksum_of_is_held_to_the_hubs(hub: Hub, tmp_path: Path) -> None:
    stick = tmp_path / "stick.gguf"
    stick.write_bytes(hub.content)
    assert pull(REFERENCE, source=str(stick)).path.read_bytes() == hub.content
    assert hub.asked == [f"HEAD {PATH}"]


def test_from_a_file_that_is_another_model(hub: Hub, known: str, data: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick.gguf"
    stick.write_bytes(hub.content + b"!")
    with pytest.raises(DownloadFailed, match=r"stick\.gguf is not tiny: it has 1025 bytes, and should have 1024"):
        pull(known, source=str(stick))
    stick.write_bytes(hub.content[:-1] + b"!")
    with pytest.raises(DownloadFailed, match=r"What arrived is not tiny: its SHA-256 is .*take it from elsewhere"):
        pull(known, source=str(stick))
    assert stick.exists()
    assert [path for path in (data / "models").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("source", ["~nobody/m.gguf", "n" * 5000, "ftp://example.org/m.gguf", "file.gguf"])
def test_from_a_name_that_no_file_has(known: str, source: str, hub: Hub) -> None:
    with pytest.raises(DownloadFailed, match=r"There is no file .*`--from` takes"):
        pull(known, source=source)
    assert hub.asked == []


@pytest.mark.parametrize("kind", ["nothing", "a folder", "a pipe"])
def test_from_what_is_no_file(known: str, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source"
    if kind == "a folder":
        source.mkdir()
    if kind == "a pipe":
        os.mkfifo(source)
    with pytest.raises(DownloadFailed, match=r"There is no file .*`--from` takes the path of a file, or an http"):
        pull(known, source=str(source))


def test_from_an_address(hub: Hub, known: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert pull(known, source=hub.endpoint + PATH).path.read_bytes() == hub.content
    assert hub.asked == [f"GET {PATH}"]
    assert "Authorization" not in hub.gets[0], "a token of the hub's is nobody else's"


def test_an_address_is_continued_where_it_stopped(hub: Hub, known: str, data: Path) -> None:
    partial(data, hub).parent.mkdir(parents=True)
    partial(data, hub).write_bytes(hub.content[:300])
    assert pull(known, source=hub.endpoint + PATH).path.read_bytes() == hub.content
    assert hub.gets[0]["Range"] == "bytes=300-"


@pytest.mark.usefixtures("impatient")
def test_an_address_that_breaks_off_says_so_without_its_password(hub: Hub, known: str, data: Path) -> None:
    hub.sent = hub.content[:500]
    host = hub.endpoint.removeprefix("http://")
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1 cannot be reached, or broke off.*same command") as caught:
        pull(known, source=f"http://me:secret@{host}{PATH}")
    assert "secret" not in str(caught.value)
    assert partial(data, hub).read_bytes() == hub.sent
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1 cannot .*\(HTTP status 404\)") as caught:
        pull(known, source=f"http://me:secret@{host}/else.gguf?key=secret")
    assert "secret" not in str(caught.value)


def test_a_page_in_place_of_the_file_is_not_kept(hub: Hub, known: str, data: Path) -> None:
    hub.sent = b"<!DOCTYPE html>Sign in"
    with pytest.raises(DownloadFailed, match="broke off"):
        pull(known, source=hub.endpoint + PATH)
    assert not partial(data, hub).exists()


def test_an_address_that_never_ends_fills_no_disk(hub: Hub, known: str, data: Path) -> None:
    hub.sent = hub.content + bytes(10**6)
    with pytest.raises(DownloadFailed, match="More arrives than the 1024 bytes"):
        pull(known, source=hub.endpoint + PATH)
    assert nothing_is_visible(data)
    assert not partial(data, hub).exists()


def test_what_another_program_keeps_is_not_pulled(
    hub: Hub, known: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.gguf"
    path.write_bytes(hub.content)
    kept = FoundFile(path, "kept.gguf", "llama.cpp", 1024, None)
    monkeypatch.setattr(store, "found_files", lambda: [kept])
    assert pull(known).path == path
    assert hub.asked == []
    assert pull(known, force=True).path == store.catalogue()[known].path


def test_only_known_names_and_references_are_pulled() -> None:
    with pytest.raises(ModelNotFound, match="owner/repo:file"):
        pull("quen")
    with pytest.raises(ModelNotFound, match="neither in the catalogue nor"):
        pull("a/b:../../c.gguf")
