#!/usr/bin/env bash
# Installs what the tests in the editors need of Debian and is not there yet: npm, Chromium with a font, patchelf, Emacs, tmux.
# For Debian, as root.
set -euo pipefail
missing=()
for program in npm chromium patchelf tmux; do
    command -v "$program" > /dev/null || missing+=("$program")
done
command -v emacs > /dev/null || missing+=(emacs-nox)
[ -e /usr/share/fonts/truetype/dejavu ] || missing+=(fonts-dejavu-core)
[ ${#missing[@]} = 0 ] && exit
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "The tests in the editors need ${missing[*]}: install them, or run this on Debian as root." >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o Acquire::Retries=3 update
apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "${missing[@]}" > /dev/null
