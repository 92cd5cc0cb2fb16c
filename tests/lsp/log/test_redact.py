"""Planted secrets are taken out, ordinary code stays as it is. No value here is a real key."""

import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from empower_lsp.log.records import CompletionRecord, OutcomeRecord, TokenRecord, completion_record
from empower_lsp.log.redact import MARKER, REMEMBERED, Redactor, redact
from empower_lsp.secrets.detector import LONG_LINE, secrets
from empower_model.request import Completion, End, Request

MIXED = "a1B2c3D4e5" * 6
KEY = "\n".join(("MIIEpAIBAAKCAQEAx7Lr" + MIXED)[:64] for _ in range(4)) + "\nq9Zt3Lw=="
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("language", "line", "secret"),
    [
        ("python", 'key = "%s"', "AKIA" + "Q3EGRJ7L" * 2),
        ("python", 'aws_secret_access_key = "%s"', "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzq9pQ2Lm4T"),
        ("python", 'headers["x"] = f(%s)', "ghp_" + "a1B2" * 9),
        ("python", "push(%s)", "github_pat_" + MIXED),
        ("python", "post('%s')", "xoxb-" + "123456789012-" * 2 + "a1B2c3D4e5F6a1B2c3D4e5F6"),
        ("python", "stripe.api_key = '%s'", "sk_" + "live_" + MIXED),
        ("python", "charge(%s)", "rk_" + "test_" + MIXED[:24]),
        ("javascript", "verify(`%s`)", JWT),
        ("javascript", "verify(%s", JWT[:80]),
        ("python", 'password = "%s"', "hunter2"),
        ("python", "password = '%s'", "hunter2"),
        ("python", 'password: str | None = "%s"', "it's me"),
        ("python", 'connect(user="me", password="%s", host="h")', "hunter2"),
        ("python", 'os.environ["DB_PASSWORD"] = "%s"', "hunter2"),
        ("python", 'passphrase = "%s', "correct horse"),
        ("javascript", 'const options = { name: "me", apiKey: "%s" };', "abcd-1234"),
        ("go", 'clientSecret := "%s"', "abcd-1234"),
        ("cpp", 'std::string secret("%s");', "hunter2"),
        ("csharp", 'open("Server=db;User=me;Password=%s;Timeout=3")', "hunter2"),
        ("python", 'get("https://me:%s@example.org/")', "correct-horse"),
        ("python", 'get("https://example.org/?a=1&api_key=%s&b=2")', "abcd1234efgh"),
        ("python", 'headers = {"Authorization": "Bearer %s"}', "abcdefgh12345678"),
        ("python", 'salt = "%s"', "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ("python", "blob = '%s'", "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="),
        ("python", 'session_token = "%s"', "a8f5-f167-f44f-4964"),
        ("dotenv", "DB_PASSWORD=%s", "hunter2"),
        ("yaml", "  password: %s", "hunter2"),
        ("ini", "signature = %s", "9f86d081884c7d659a2feaa0c55ad015"),
        ("python", "%s", "-----BEGIN RSA PRIVATE KEY-----\n" + KEY + "\n-----END RSA PRIVATE KEY-----"),
        ("python", 'k = """%s', "-----BEGIN OPENSSH PRIVATE KEY-----\n" + KEY[:-10]),
        ("python", 'KEY = "%s', r"-----BEGIN PRIVATE KEY-----\n" + KEY.replace("\n", r"\n")[:-20]),
        ("python", 'KEY = "%s', r"-----BEGIN PRIVATE KEY-----\n" + KEY[:7]),
        ("python", "%s\nx = 1", KEY + "\n-----END PRIVATE KEY-----"),
        (
            "json",
            '{"k": "%s"}',
            r"-----BEGIN PRIVATE KEY-----\n" + KEY.replace("\n", r"\n") + r"-----END PRIVATE KEY-----",
        ),
        ("javascript", "x".ljust(LONG_LINE + 500, "x") + ";password='%s';y()", "hunter2"),
        ("javascript", " " * (LONG_LINE - 20) + "push('%s')", "ghp_" + "a1B2" * 9),
    ],
)
def test_a_planted_secret_is_taken_out_and_nothing_else(language: str, line: str, secret: str) -> None:
    assert redact(line % secret, language) == line % MARKER


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "def login(user, password=None):\n    return check(user, password) and password != self.password\n"),
        ("python", "password = getpass('Password: ')\nsecret = load(path)\ntoken = 'NAME'\n"),
        ("python", 'password = f"{user}-{password}"\nurl = "https://{user}:{password}@host"\n'),
        ("python", 'raise ValueError("the password is too short")  # don\'t say which\n'),
        ("python", "alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'\ndigits = '0123456789abcdef'\n"),
        ("python", "from empower_lsp.log.records import CompletionRecord  # noqa: F401\n"),
        ("python", "__version__ = '1.24.6.1'\nhost = '93.184.216.34'\n"),
        ("python", 'if line.endswith("-----"):\n    key = keys[line]\n'),
        ("shellscript", "export API_KEY=$OTHER\npassword=${PASSWORD}\n"),
        ("python", "# https://git.example.org/a-b/c/blob/94f5E16708329d2f2716426868ec89aa774af016/some/Path/to/file\n"),
        ("yaml", "password: <the password>\nname: a-service\n"),
        ("go", "func (s *Server) Token(ctx context.Context) (string, error) {\n\treturn s.token, nil\n}\n"),
        ("rust", "let tokens: Vec<&str> = line.split(' ').collect();\n" + "/" * 80 + "\n"),
    ],
)
def test_ordinary_code_stays(language: str, code: str) -> None:
    assert redact(code, language) == code
    assert redact(redact(code, language), language) == code


def test_hardly_anything_in_the_standard_library_is_taken_for_a_secret() -> None:
    spans = lines = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:60]:
        text = path.read_text(encoding="utf-8", errors="replace")
        lines += text.count("\n")
        spans += len(secrets(text, "python"))
    assert spans / lines < 1 / 5000


def test_redacting_twice_changes_nothing() -> None:
    once = redact('password = "hunter2"\nurl = "https://me:correct-horse@host/db"\n', "python")
    assert redact(once, "python") == once


def record(prefix: str, text: str, suffix: str, pieces: tuple[str, ...] = ()) -> CompletionRecord:
    done = Completion(text, (), 1, End.UNCERTAIN, 0.5, 1.0, 1, 1, 1.0, 1.0)
    whole = completion_record(
        done,
        Request(prefix, suffix),
        identifier="a",
        path="a.py",
        workspace="w",
        language="python",
        model="m",
        version="0",
    )
    return replace(whole, tokens=tuple(TokenRecord(piece, 0.5, 1.0) for piece in pieces))


def redacted(whole: CompletionRecord) -> CompletionRecord:
    result = Redactor().redact(whole)
    assert isinstance(result, CompletionRecord)
    return result


def test_a_secret_that_spans_the_cursor_is_found_on_both_sides() -> None:
    cleaned = redacted(record('password = "hun', "ter2", '"\nprint()\n', ("ter", '2"', "\nmore")))
    assert (cleaned.prefix, cleaned.text, cleaned.suffix) == (f'password = "{MARKER}', MARKER, '"\nprint()\n')
    assert [token.piece for token in cleaned.tokens] == [MARKER, MARKER, "\nmore"]
    assert [token.surprisal for token in cleaned.tokens] == [0.5] * 3


HEX = "f3a1c09b7e5d2468ace013579bdf02468ace1357"


@pytest.mark.parametrize("written", [HEX[1:], HEX[1:] + '"', HEX[1:] + '"\nprint(1)', HEX[1:20]])
@pytest.mark.parametrize("suffix", ["", "\n", '"\nprint()\n', "\nx = 1\n"])
def test_the_text_itself_is_redacted_when_the_prefix_holds_the_beginning(written: str, suffix: str) -> None:
    text = written.partition('"')[0]
    cleaned = redacted(record('HEX = "f', text, suffix, (written[:5], written[5:18], written[18:])))
    assert cleaned.prefix == f'HEX = "{MARKER}'
    assert cleaned.text == MARKER
    assert cleaned.suffix == suffix
    assert {token.piece for token in cleaned.tokens} <= {MARKER, '"', ""}


@pytest.mark.parametrize(
    ("before", "text", "secret"),
    [
        ("API_TOKEN=Copper", "4711xY", "4711"),
        ("password: Cop", "per!47#xY", "per!47"),
        ('url = "redis://:Cop', "per4711x@cache", "per4711x"),
        ("key = bytes.fromhex('" + HEX[:30], HEX[30:], HEX[30:]),
        ("API_KEY = (\n    '" + HEX[:10], HEX[10:20] + "'\n    '" + HEX[20:], HEX[20:]),
        ('password = """\nCop', "per4711xY\n", "per4711"),
        ("AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3J", "N54KHCE6MUA7LQPZRY9", "N54KHCE6"),
        ("curl -u admin:Cop", "per4711x https://a", "per4711x"),
    ],
)
def test_every_kind_that_spans_the_cursor_is_cut_out_of_the_text(before: str, text: str, secret: str) -> None:
    cleaned = redacted(
        replace(record(before, text, "\n", (text[:3], text[3:])), language="yaml" if ":" in before else "env")
    )
    assert secret not in (cleaned.text or "")
    assert secret not in "".join(token.piece for token in cleaned.tokens)


def test_a_secret_known_from_one_place_is_found_in_all() -> None:
    cleaned = redacted(record('api_key = "abcd-1234-efgh"\ncall(', "abcd-1234-efgh)", "\n# abcd-1234-efgh\n"))
    assert cleaned.text == f"{MARKER})"
    assert cleaned.suffix == f"\n# {MARKER}\n"


def test_what_was_written_instead_is_judged_where_it_was_written() -> None:
    redactor = Redactor()
    redactor.redact(record('password = "', 'secret"', "\n"))
    instead = redactor.redact(OutcomeRecord("a", 2.0, "diverged", False, text='hunter2"'))
    assert instead == OutcomeRecord("a", 2.0, "diverged", False, text=f'{MARKER}"')
    unknown = OutcomeRecord("b", 2.0, "diverged", False, text="x = 1")
    assert redactor.redact(unknown) == replace(unknown, text=None), "what stood before it may have made it a secret"
    assert redactor.redact(replace(unknown, text="")) == replace(unknown, text="")


def test_what_was_written_long_after_is_not_written_where_nobody_knows_what_it_is() -> None:
    redactor = Redactor()
    redactor.redact(record("DB_PASSWORD = ", "get_password()", "\n"))
    instead = OutcomeRecord("a", 2.0, "changed", False, text='"hunter2horse"')
    for number in range(REMEMBERED):
        assert redactor.redact(instead).text == f'"{MARKER}"'
        redactor.redact(replace(record("x = ", "1", "\n"), id=str(number)))
    for number in range(REMEMBERED):
        redactor.redact(replace(record("x = ", "1", "\n"), id=f"later {number}"))
    assert redactor.redact(instead).text is None


def test_the_detector_is_loaded_only_when_needed_and_leaves_the_process_as_it_was() -> None:
    code = (
        "import sys, warnings, logging, empower_lsp.log.recorder\n"
        "assert 'detect_secrets' not in sys.modules and 'requests' not in sys.modules\n"
        "show, handlers = warnings.showwarning, list(logging.root.handlers)\n"
        "from empower_lsp.secrets import prepare\n"
        "prepare()\n"
        "assert 'detect_secrets' in sys.modules\n"
        "assert warnings.showwarning is show and logging.root.handlers == handlers\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("again", "left"),
    [("a8Fk2L", MARKER), ("use a8Fk2LmQ9 now", f"use {MARKER} now"), ("a8Fk", "a8Fk"), ("a8 Fk2LmQ9", "a8 Fk2LmQ9")],
)
def test_a_secret_that_is_begun_again_is_taken_out(again: str, left: str) -> None:
    assert redact(f"API_TOKEN = 'a8Fk2LmQ9xZr4TbV'\n{again}", "python") == f"API_TOKEN = '{MARKER}'\n{left}"


def test_a_word_that_a_password_begins_with_stays() -> None:
    text = "password = 'orchidgarden77'\norchid = orchidgarden(1)\n"
    assert redact(text, "python") == text.replace("orchidgarden77", MARKER)
