"""Whether a cursor, `|`, stands in a comment or a string of a language."""

import pytest

from empower_lsp.serving.comments import _BY_LANGUAGE, in_comment_or_string
from empower_lsp.settings import UNASKED

INSIDE = [
    ("python", "x = 1  # no|"),
    ("python", "#|"),
    ("python", 'x = "a|'),
    ("python", "x = 'it\\'s|"),
    ("python", 'def f():\n    """Say "this".\n\n    It\'s |'),
    ("python", "x = r'''\n# |"),
    ("python", 'f"{x} |'),
    ("python", 'f"{{|'),
    ("c", "/* don't\n * |"),
    ("cpp", 'std::string s = "a // |'),
    ("java", "// it's |"),
    ("java", 'var s = """\n  say "hi" |'),
    ("typescript", "const s = `a ${b}\n|"),
    ("javascript", "f('|"),
    ("rust", 'let s = r#"a "b" |'),
    ("rust", "fn f<'a>(x: &'a str) { // |"),
    ("go", "s := `\n|"),
    ("shellscript", "echo 'a\n|"),
    ("shellscript", 'echo "${#x} |'),
    ("shellscript", "cat <<EOF\ndon't |"),
    ("shellscript", "cat<<EOF\n$((1<<n)) don't |"),
    ("shellscript", "cat <<-'EOF' | sort\n\tx\n\t|"),
    ("yaml", "a: 1  # |"),
    ("yaml", 'a: "b |'),
    ("yaml", "- 'it''s |"),
    ("toml", 'a = """\n|'),
    ("sql", "SELECT 'it''s |"),
    ("lua", "--[[\n|"),
    ("haskell", "-- |"),
    ("ini", "; |"),
    ("emacs-lisp", '(message "a ; |'),
    ("html", "<!--\n|"),
    ("latex", "100\\% % |"),
    ("json", '{"a|'),
]
OUTSIDE = [
    ("python", "|"),
    ("python", "x = '#'|"),
    ("python", "# a\n|"),
    ("python", '"""Doc."""\n|'),
    ("python", 'x = "not closed\n|'),
    ("python", 'f"{x|'),
    ("python", "rf'{{ {x|"),
    ("python", "x = 7 // |"),
    ("c", "/* a */ |"),
    ("c", "char c = '\"'; |"),
    ("javascript", "`a ${b|"),
    ("typescript", 'import a from "b";\n|'),
    ("rust", "fn f<'a>(x: &'a str) { |"),
    ("rust", "let c = '\"'; |"),
    ("haskell", "let x' = f x' |"),
    ("go", "c := '\\''; |"),
    ("shellscript", "echo $# ${x#y} |"),
    ("shellscript", "echo \\' |"),
    ("shellscript", 'x="$(|'),
    ("shellscript", "cat <<EOF\ndon't\nEOF\n|"),
    ("shellscript", "mask=$((1<<n))\necho |"),
    ("shellscript", "mask=$((bits<<n)) # it's\necho |"),
    ("shellscript", "echo $((1<<n\necho |"),
    ("shellscript", "cat <<<word\necho |"),
    ("yaml", "a: don't |"),
    ("yaml", "a: b#c |"),
    ("yaml", "it's: |"),
    ("lua", "x = [[ -- ]] .. #t |"),
    ("unheard-of", '# "|'),
    ("plaintext", "it's |"),
    ("markdown", "# It's |"),
]


@pytest.mark.parametrize(("language", "text"), INSIDE)
def test_inside(language: str, text: str) -> None:
    assert in_comment_or_string(text.rpartition("|")[0], language)


@pytest.mark.parametrize(("language", "text"), OUTSIDE)
def test_outside(language: str, text: str) -> None:
    assert not in_comment_or_string(text.rpartition("|")[0], language)


def test_all_that_is_named_can_be_read() -> None:
    for language in _BY_LANGUAGE:
        assert not in_comment_or_string("x", language)
    assert not UNASKED & _BY_LANGUAGE.keys()


@pytest.mark.parametrize("text", ["x" * 400_000, '"' * 400_000, "/*" * 200_000, "'a" * 200_000, "<<a\n" * 50_000])
def test_no_text_makes_it_search_for_long(text: str) -> None:
    for language in ("python", "c", "shellscript", "yaml", "rust"):
        in_comment_or_string(text, language)  # or this test would take minutes
