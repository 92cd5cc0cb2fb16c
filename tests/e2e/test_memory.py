"""The installed server in a workspace: what its other files teach it, what it must not learn, and when it forgets."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from empower_training.day.editor import Editor

MARGINS = "def quantified_zebra_margin(stripe, width):\n    return stripe * width\n" + "".join(
    f"\n\ndef {name}(stripes):\n    return quantified_zebra_margin(stripes, {width})\n"
    for width, name in enumerate(("first", "second", "third", "fourth", "fifth", "sixth", "seventh"))
)
TYPED = "def total(items):\n    return quantified_ze"
REST = "bra_margin"
PRIVATE = "".join(
    f"{name}_animal = 'giraffe_hunters_graze'\n" for name in ("first", "second", "third", "fourth", "fifth")
)
"""What looks like no secret, so that nothing but the deny list keeps it from being learnt."""
SPOKEN = "sixth_animal = 'giraffe_hun"
SECONDS = 20.0


class Person(Editor):
    """Somebody who types into a file that is not saved."""

    def __init__(self, folder: Path | None, data: Path, **options: object) -> None:
        super().__init__({"log": "off", "model": "", **options}, data, folder)
        self.uri = ((folder or Path("/nowhere")) / "typed.py").as_uri()
        self.initialize()
        self.initialized()

    def gets(self, typed: str) -> str:
        """Return what is shown after a text, as if nothing had been shown before."""
        if self.uri in self._texts:
            self.close(self.uri)
        self.open(self.uri, typed)
        item = self.complete(self.uri, len(typed))
        return str(item["insertText"]) if item else ""

    def gets_in_the_end(self, typed: str, wanted: Callable[[str], bool], seconds: float = SECONDS) -> bool:
        """Whether that is shown sooner or later: the memory is filled in the background."""
        deadline = time.monotonic() + seconds
        while not (seen := wanted(self.gets(typed))) and time.monotonic() < deadline:
            time.sleep(0.05)
        return seen

    def changed(self, *paths: Path) -> None:
        """Tell that files have changed on the disk."""
        changes = [{"uri": path.as_uri(), "type": 2} for path in paths]
        self.notify("workspace/didChangeWatchedFiles", {"changes": changes})


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def knows(text: str) -> bool:
    return text.startswith(REST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    put(folder, {"zebra/margins.py": MARGINS})
    return folder


@pytest.fixture
def person(folder: Path, data_folder: Path) -> Iterator[Person]:
    with Person(folder, data_folder) as person:
        yield person


def test_names_of_other_files_are_completed_unless_the_option_is_off(person: Person) -> None:
    assert person.gets_in_the_end(TYPED, knows)
    for on in (False, True):
        person.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"memory": on}}})
        assert person.run("empower.status")["memory"] is on
        if on:
            assert person.gets_in_the_end(TYPED, knows)
        else:
            time.sleep(0.5)  # in which it was learnt before
            assert not knows(person.gets(TYPED))


def test_files_that_change_outside_are_followed(person: Person, folder: Path) -> None:
    assert person.gets_in_the_end(TYPED, knows)
    file = folder / "zebra" / "margins.py"
    file.rename(folder / "renamed.py")
    person.changed(file, folder / "renamed.py")
    assert person.gets_in_the_end(TYPED, knows)
    (folder / "renamed.py").unlink()
    person.changed(folder / "renamed.py")
    assert person.gets_in_the_end(TYPED, lambda text: not knows(text))
    put(folder, {"new/folder/a.py": MARGINS})
    person.changed(folder / "new")
    assert person.gets_in_the_end(TYPED, knows)


def test_what_was_written_in_another_document_counts_before_it_is_saved(person: Person, folder: Path) -> None:
    (folder / "zebra" / "margins.py").unlink()
    uri = (folder / "zebra" / "margins.py").as_uri()
    person.open(uri, "x")
    person.replace(uri, 0, 1, MARGINS)
    assert person.gets_in_the_end(TYPED, knows)
    person.close(uri)  # thrown away
    assert person.gets_in_the_end(TYPED, lambda text: not knows(text))


def test_without_a_folder_what_is_open_beside_counts_until_it_is_closed(data_folder: Path) -> None:
    with Person(None, data_folder) as person:
        uri = "file:///elsewhere/margins.py"
        person.open(uri, "x")
        person.replace(uri, 0, 1, MARGINS)
        assert person.gets_in_the_end(TYPED, knows)
        person.close(uri)
        assert person.gets_in_the_end(TYPED, lambda text: not knows(text))


def test_an_engine_that_died_is_taught_again(person: Person) -> None:
    assert person.gets_in_the_end(TYPED, knows)
    server = psutil.Process(person.pid)
    [engine] = [child for child in server.children() if "spawn_main" in " ".join(child.cmdline())]
    engine.kill()
    while engine.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert person.gets_in_the_end(TYPED, knows)


def test_a_secret_in_a_denied_file_never_surfaces(folder: Path, data_folder: Path) -> None:
    hidden = (".env", "deploy/secrets.py.pem", "private/notes.py", "id_rsa_backup")
    put(folder, dict.fromkeys(hidden, PRIVATE))
    open_handed = {"rule": "budget", "confidence": 0.01, "denyGlobs": ["/private/"]}
    with Person(folder, data_folder, **open_handed) as person:
        assert person.gets_in_the_end(TYPED, knows)  # all has been read
        for name in hidden:
            person.open((folder / name).as_uri(), PRIVATE)
            person.replace((folder / name).as_uri(), 0, 0, "# edited\n")
            person.changed(folder / name)
        assert not person.gets_in_the_end(SPOKEN, lambda text: text.startswith("ters"), seconds=2)
        put(folder, {"allowed.py": PRIVATE})  # the same words elsewhere do: it was not for want of memory
        person.changed(folder / "allowed.py")
        assert person.gets_in_the_end(SPOKEN, lambda text: text.startswith("ters"))
