"""Tells whether a cursor stands in a comment or a string, as far as that is told without a grammar.

Each language names what its comments and strings begin and end with. Of a language that is not named here, all is code.
"""

from __future__ import annotations

import re
from collections import deque
from functools import cache

_HASH, _SHELL_HASH, _SLASHES, _DASHES = r"\#[^\n]*", r"(?<!\S)\#[^\n]*", r"//[^\n]*", r"--[^\n]*"
_SEMICOLON, _PERCENT = r";[^\n]*", r"%[^\n]*"


def _block(start: str, end: str) -> str:
    """Return a pattern of what goes on to its end, over any number of lines."""
    return rf"{start}(?:(?!{end})[\s\S])*+(?P<close>{end})?"


def _quoted(quote: str, line: bool = True, escape: str = r"\\[\s\S]") -> str:
    """Return a pattern of a string in one kind of quote, within a line or over several."""
    rest = rf"[^{quote}\\\n]" if line else rf"[^{quote}\\]"
    return rf"{quote}(?:{escape}|{rest})*+(?P<close>{quote})?"


_C_COMMENTS = (_SLASHES, _block(r"/\*", r"\*/"))
_QUOTES = (_quoted('"'), _quoted("'"))
_LONG_QUOTES = (_quoted('"', line=False), _quoted("'", line=False))
_TRIPLE = (r'"""(?:\\[\s\S]|(?!""")[\s\S])*+(?P<close>""")?', r"'''(?:\\[\s\S]|(?!''')[\s\S])*+(?P<close>''')?")
_BACKTICK = _quoted("`", line=False)
_CHARACTER = r"'(?:\\[^\n][^'\n]{0,8}|[^'\\\n])(?P<close>')"  # no lifetime, nor the prime of a name
_HEREDOC = (
    r"""(?<![<\d])<<(?!<)[-~]?[ ]*(?P<q>['"]?)(?P<tag>[A-Za-z_]\w*)(?P=q)[^\n]*"""
    r"(?:\n(?![ \t]*(?P=tag)(?:\n|\Z))[^\n]*)*+(?P<close>\n[ \t]*(?P=tag)(?=\n|\Z))?"
)
_RAW = r'r(?P<q>\#+)"(?:(?!"(?P=q))[\s\S])*+(?P<close>"(?P=q))?'
_ESCAPED = r"\\[\s\S](?P<close>)"
_ARITHMETIC = r"\(\((?:[^()\n]|\([^()\n]*\))*+\)\)(?P<close>)"
_SHELL = (_SHELL_HASH, _ARITHMETIC, _HEREDOC, _ESCAPED, _quoted('"', line=False), r"'[^']*+(?P<close>')?")
_VALUE = r"(?<![^\s\[{(,:=-])"  # where a value begins: elsewhere, YAML's quotes are letters
_YAML = (_SHELL_HASH, _VALUE + _quoted('"', line=False), _VALUE + r"'(?:''|[^'])*+(?P<close>')?")

_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("python cython starlark", (_HASH, *_TRIPLE, *_QUOTES)),
    ("toml julia", (_HASH, *_TRIPLE, *_QUOTES)),
    ("c cpp csharp cuda-cpp objective-c objective-cpp objc objcpp dart", (*_C_COMMENTS, *_QUOTES)),
    ("glsl hlsl jsonc proto proto3 verilog systemverilog", (*_C_COMMENTS, *_QUOTES)),
    ("javascript javascriptreact typescript typescriptreact svelte vue", (*_C_COMMENTS, *_QUOTES, _BACKTICK)),
    ("go", (*_C_COMMENTS, _quoted('"'), _CHARACTER, _BACKTICK)),
    ("java kotlin scala swift groovy", (*_C_COMMENTS, _TRIPLE[0], _quoted('"'), _CHARACTER)),
    ("rust zig", (*_C_COMMENTS, _RAW, _quoted('"', line=False), _CHARACTER)),
    ("php", (_HASH, *_C_COMMENTS, *_LONG_QUOTES)),
    ("css scss less", (*_C_COMMENTS, *_QUOTES)),
    ("json", (_quoted('"'),)),
    ("shellscript sh bash zsh fish dockerfile", _SHELL),
    ("makefile make ignore gitignore properties", (_SHELL_HASH,)),
    ("yaml docker-compose dockercompose", _YAML),
    ("perl ruby elixir r powershell coffeescript crystal nix terraform hcl cmake", (_SHELL_HASH, *_QUOTES)),
    ("ini", (r"(?m:^)[ \t]*[;\#][^\n]*",)),
    ("lua", (_block(r"--\[\[", r"\]\]"), _DASHES, _block(r"\[\[", r"\]\]"), *_QUOTES)),
    ("haskell elm", (_block(r"\{-", r"-\}"), _DASHES, _quoted('"'), _CHARACTER)),
    ("sql plsql mysql", (_DASHES, _block(r"/\*", r"\*/"), r"'(?:''|[^'])*+(?P<close>')?")),
    ("clojure lisp commonlisp scheme racket emacs-lisp elisp", (_SEMICOLON, _ESCAPED, _quoted('"', line=False))),
    ("latex tex plaintex bibtex erlang prolog", (r"\\%(?P<close>)", _PERCENT)),
    ("html xml markdown", (_block("<!--", "-->"),)),
)  # fmt: skip
_BY_LANGUAGE = {language: patterns for languages, patterns in _FAMILIES for language in languages.split()}
_F_STRING = re.compile(r"(?i:\b(?:f|rf|fr|t|rt|tr))\Z")


def in_comment_or_string(prefix: str, language: str) -> bool:
    """Tell whether a text ends within a comment or a string; code that stands in a string, as `f"{` has it, is code.

    `language` is the id of an editor. The text is read from its beginning, which takes a
    millisecond or two for 100,000 characters.
    """
    if (patterns := _BY_LANGUAGE.get(language)) is None:
        return False
    matches = deque(_scanner(patterns).finditer(prefix), maxlen=1)
    if not matches or (last := matches[0]).end() < len(prefix) or (last.lastgroup or "").startswith("close"):
        return False
    return not _is_code(prefix[: last.start()], last.group(), language)


@cache
def _scanner(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of all comments and strings; a group `close...` is there in those that have ended."""
    named = (re.sub(r"\(\?P(<|=)(\w+)", rf"(?P\1\g<2>{number}", each) for number, each in enumerate(patterns))
    return re.compile("|".join(named))


def _is_code(before: str, text: str, language: str) -> bool:
    """Return whether an open string has opened a place for code, and not closed it."""
    if text[0] in "\"'" and language == "python":
        plain = text.replace("{{", "").replace("}}", "")
        return _F_STRING.search(before) is not None and plain.count("{") > plain.count("}")
    if text[0] == "`":
        return text.rfind("${") > text.rfind("}")
    return text[0] == '"' and text.rfind("$(") > text.rfind(")") and "$(" in text
