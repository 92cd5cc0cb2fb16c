"""Licences that allow training on a distribution: its declared licence against a list of permissive ones."""

from __future__ import annotations

import re
from email.message import Message

PERMISSIVE = frozenset(
    (
        *("0bsd", "apache-2.0", "apache-2.0-with-llvm-exception", "bsd-2-clause", "bsd-3-clause", "bsl-1.0"),
        *("cc0-1.0", "isc", "mit", "mit-0", "psf-2.0", "python-2.0", "unlicense", "zlib"),
    )
)
"""SPDX identifiers in lower case; copyleft of any strength (MPL, LGPL, GPL) is absent on purpose."""

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}

_FREE_TEXT = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
    "psf": "PSF-2.0",
}


def permitted(expression: str) -> bool:
    """Return whether an SPDX expression lets us train: every part of one of its OR alternatives is permissive.

    Nested parentheses are read as if they were not there, which can only be too strict for AND inside OR lists
    of permissive licences, and an identifier that is not known is refused.
    """
    text = re.sub(r"[()]", " ", expression.lower()).replace(" with ", "-with-")
    if "(" in expression and " or " in text and " and " in text:
        return all(part.strip() in PERMISSIVE for part in re.split(r" and | or ", text))
    return any(all(part.strip() in PERMISSIVE for part in choice.split(" and ")) for choice in text.split(" or "))


def declared(metadata: Message) -> str | None:
    """Return the licence that core metadata declares, as an SPDX expression; None when it is unclear.

    Looks at License-Expression, then the licence classifiers, then a short License field that is a known name.
    """
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [str(value).split(" :: ") for value in metadata.get_all("Classifier", [])]
    names = [parts[-1] for parts in classifiers if parts[0] == "License" and parts[-1] != "OSI Approved"]
    if names:
        licences = [_CLASSIFIERS.get(name) for name in names]
        return None if None in licences else " AND ".join(sorted(set(filter(None, licences))))
    text = " ".join(str(metadata.get("License", "")).split())
    if text.lower() in _FREE_TEXT:
        return _FREE_TEXT[text.lower()]
    return text if text and permitted(text) else None
