"""Secrets that are known by their own form, whatever stands around them; data, to be added to.

The forms of newer services are after the rules of gitleaks (MIT), worded anew and without its entropy.
"""

from __future__ import annotations

import re

FORMS: tuple[tuple[str, str], ...] = (
    # What a text must hold for the pattern to be tried, in lower case; the pattern, whose longest group is the secret.
    ("k_", r"\b(?:[srp]k_(?:live|test)_)[0-9A-Za-z]{10,}"),  # Stripe
    ("whsec_", r"\bwhsec_[0-9A-Za-z]{10,}"),
    ("github_pat_", r"\bgithub_pat_[0-9A-Za-z_]{22,}"),
    ("gh", r"\bgh[pousr]_[0-9A-Za-z]{20,}"),
    ("glpat-", r"\bgl(?:pat|ptt|dt|rt|cbt)-[0-9A-Za-z_=-]{20,}"),
    ("xox", r"\bxox[a-z]-[0-9A-Za-z-]{10,}"),
    ("xapp-", r"\bxapp-[0-9A-Za-z-]{10,}"),
    ("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([0-9A-Za-z/]{20,})"),
    ("sk-", r"\bsk-(?:proj|ant|svcacct|or)-[0-9A-Za-z_-]{20,}"),  # OpenAI, Anthropic, OpenRouter
    ("aiza", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("ya29.", r"\bya29\.[0-9A-Za-z_-]{20,}"),
    ("1//0", r"(?<![\w/])1//0[0-9A-Za-z_-]{30,}"),
    ("gocspx-", r"\bGOCSPX-[0-9A-Za-z_-]{20,}"),
    ("akia", r"\bAKIA[0-9A-Z]{16}"),
    ("asia", r"\bASIA[0-9A-Z]{16}"),
    ("age-secret-key-1", r"(?i:\bage-secret-key-1[0-9a-z]{20,})"),
    ("npm_", r"\bnpm_[0-9A-Za-z]{30,}"),
    ("hf_", r"\bhf_[0-9A-Za-z]{30,}"),
    ("do", r"\bdo[opr]_v1_[0-9a-f]{30,}"),
    ("shp", r"\bshp(?:at|ca|pa|ss)_[0-9A-Fa-f]{30,}"),
    ("pul", r"\bpul_[0-9A-Za-z]{30,}|\bpul-[0-9a-f]{40}"),
    ("sg.", r"\bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}"),
    ("hv", r"\bhv[sbr]\.[0-9A-Za-z_-]{20,}"),
    ("dckr_", r"\bdckr_(?:pat|oat)_[0-9A-Za-z_-]{20,}"),
    ("pypi-", r"\bpypi-[0-9A-Za-z_-]{50,}"),
    (":aa", r"\b\d{8,10}:AA[0-9A-Za-z_-]{32,}"),  # Telegram
    ("gls", r"\bgls[abc]_[0-9A-Za-z_]{32,}"),
    ("glc_", r"\bglc_[0-9A-Za-z+/]{32,}={0,2}"),
    ("rubygems_", r"\brubygems_[0-9a-f]{40,}"),
    ("fig", r"\bfig[dou]r?_[0-9A-Za-z_-]{38,}"),
    ("q~", r"(?<![\w.~-])[0-9A-Za-z_~.]{3}\dQ~[0-9A-Za-z_~.-]{31,34}"),  # Entra
    ("lin_", r"\blin_(?:api|oauth)_[0-9A-Za-z]{30,}"),
    ("pmak-", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("sq0", r"\bsq0(?:atp|csp|idp)-[0-9A-Za-z_-]{22,}"),
    ("eaa", r"\bEAA[MC][0-9A-Za-z]{80,}"),
    ("atatt3", r"\bATATT3[0-9A-Za-z_=-]{60,}"),
    ("sntr", r"\bsntr(?:ys|yu)_[0-9A-Za-z+/=_]{40,}"),
    ("ntn_", r"\bntn_[0-9A-Za-z]{40,}"),
    ("key-", r"\bkey-[0-9a-f]{32}\b"),  # Mailgun
    ("dapi", r"\bdapi[0-9a-f]{32}\b"),
    ("ops_ey", r"\bops_eyJ[0-9A-Za-z+/]{60,}={0,3}"),
    ("a3-", r"\bA3-[0-9A-Z]{6}-[0-9A-Z]{6,11}(?:-[0-9A-Z]{5}){3,4}\b"),
    ("cfut_", r"\bcf[ua]t_[0-9A-Za-z_-]{30,}"),
    ("atlasv1", r"\b[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{60,}"),
    ("tskey-", r"\btskey-[a-z]+-[0-9A-Za-z-]{20,}"),
    ("nvapi-", r"\bnvapi-[0-9A-Za-z_-]{40,}"),
    ("gsk_", r"\bgsk_[0-9A-Za-z]{40,}"),
    ("nrak-", r"\bNRAK-[0-9A-Z]{27}"),
    ("discord", r"discord(?:app)?\.com/api/webhooks/\d+/([0-9A-Za-z_-]{40,})"),
    # A JWT to its end, or cut off.
    ("eyj", r"\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]*)?"),
    # In an address, with or without a user before it; the password may hold an @.
    (
        "://",
        r"\b[a-zA-Z][\w+.-]{0,30}://[^\s:/@\"'`{}<>$()|]{0,200}:(?!//)([^\s\"'`/{}<>$|*]{3,}|[^\s\"'`{}<>$|*@]{3,}(?=@))@(?=[\w\[])",
    ),
    ("@", r"\b[\w.-]{1,64}:([^\s\"'`@/:]{4,})@(?:tcp|unix|udp)\("),
    ("=", r"[;?&](?i:password|passwd|pwd|secret|sig|(?:access_?)?token|api_?key)=([^\s;&\"'`{}<>$%]{4,})"),
    # On a command line.
    ("curl", r"\bcurl\b[^\n|;]{0,300}?\s(?:-u|--user)[ =]*[\"']?[^\s:\"'`$]+:([^\s\"'`$<{]+)"),
    ("http", r"\bhttps?\s[^\n|;]{0,300}?\s(?:-a|--auth)[ =]*[\"']?[^\s:\"'`$]+:([^\s\"'`$<{]+)"),
    ("-p", r"\b(?:mysql|mariadb)\w*\b[^\n|;]{0,300}?[\s\"']-p[\"']?([^\s\"'`$<{,\]]{4,})"),
    (
        "-p",
        r"\b(?:sshpass|mongo\w*|(?:docker|podman|az|helm registry|oc)\s+login)\b"
        r"[^\n|;]{0,300}?\s-p\s*[\"']?([^\s\"'`$<{]{4,})",
    ),
    ("-a ", r"\bredis-cli\b[^\n|;]{0,300}?\s-a\s+[\"']?([^\s\"'`$<{]{4,})"),
    ("-w ", r"\bldap\w+\b[^\n|;]{0,300}?\s-w\s+[\"']?([^\s\"'`$<{]{4,})"),
    ("htpasswd", r"\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+[\"']?([^\s\"'`$<{]{4,})"),
    ("pass:", r"-pass(?:in|out)?\s+pass:([^\s\"'`$<{]{3,})"),
    ("sudo", r"\b(?:echo|printf)\s+[\"']?([^\s\"'`$<{\\]{4,})(?:\\n)?[\"']?\s*\|\s*sudo\s+-\w*S"),
    ("requirepass", r"\brequirepass\s+[\"']?([^\s\"'`$<{]{4,})"),
    ("login", r"\blogin(?:\s|\\n)+\S+?(?:\s|\\n)+password\s+([^\s\"'`$<{\\]{3,})"),  # netrc
    # In code: the second of two, where the first is a name.
    (
        "auth",
        r"(?:(?i:\b\w*basic_?auth|\bauth(?:enticate)?|\.login)\s*(?:=\s*)?\(|\bauth=\()\s*[^()\n,]+,\s*[\"']([^\"'\n]{4,})[\"']\s*\)",
    ),
    ("login", r"\.login\(\s*[^()\n,]+,\s*[\"']([^\"'\n]{4,})[\"']\s*\)"),
    ("credential", r"\b\w*Credentials?\(\s*[^()\n,]+,\s*[\"']([^\"'\n]{4,})[\"']\s*[,)]"),
    ("identified", r"(?i:\bidentified\s+(?:with\s+\w+\s+)?by\s+)[\"']([^\"'\n]{3,})[\"']"),
    ("authorization", r"(?i:\bauthorization[\"']?\s*[:=,]\s*[\"'`]?(?:basic|bearer|token)\s+)([^\s\"'`{}<$]{8,})"),
    ("bearer", r"(?i:[\"'`]bearer\s+)([^\s\"'`{}<$]{16,})"),
    (
        "field",
        r"\bField\([^)\n]{0,300}?\bdefault\s*=\s*[\"']([^\"'\n]{4,})[\"'](?=[^)\n]{0,200}?(?i:passw|secret|token|key))",
    ),
)

COMPILED = tuple((needed, re.compile(pattern)) for needed, pattern in FORMS)
"""The same, ready for use."""

_KEY = r"[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_APART = r"(?:\s|\\[nr]|[\"',]|(?<=\s)\+(?=\s))*"
"""What may stand between the lines of a key: line ends, also as they are written in a string, and the next string."""
BLOCKS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"-----BEGIN {_KEY}[^(){{}}]{{0,8000}}?-----END {_KEY}",
        rf"-----BEGIN {_KEY}(?:{_APART}[0-9A-Za-z+/=]{{16,}})*(?:{_APART}[0-9A-Za-z+/=]+\Z)?",
        rf"(?<![0-9A-Za-z+/=])(?:[0-9A-Za-z+/=]{{16,}}\s+)*[0-9A-Za-z+/=]*\s*-----END {_KEY}",
    )
)
"""Keys as PEM has them, of which the text may hold only the beginning or the end."""

HARMLESS = re.compile(
    r"(?i)(?<!hmac)sha-?\d|\bsha\b|md5|blake|digest|checksum|integrity|(?<!pass)(?<!word[_-])hash|e-?tag|commit|revision|\brev\b|\bgit|fingerprint"
    r"|\bcrc|resolved|uuid|guid|\btree\b|/blob/|\bhead\b|\boid\b|\bref\b|expected|base64,"
)
"""What a line, or the one above it, says of what is drawn at random and no secret."""

IMAGE = (
    "iVBORw0KGgo",
    "R0lGOD",
    "/9j/",
    "UklGR",
    "AAABAA",
    "PHN2Zy",
    "PD94bWw",
    "AAAAB3NzaC1",
    "AAAAC3NzaC1",
    "d09GM",
    "T1RUTw",
    "AAEAAAA",
    "iD8DB",
    "iQE",
    "iQIz",
)
"""How images, fonts, public keys and signatures begin in base64."""
