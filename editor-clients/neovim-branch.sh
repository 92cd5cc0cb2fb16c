#!/usr/bin/env bash
# neovim-branch.sh [BRANCH] : puts the Neovim client of HEAD, with the licence, onto a branch of its own (`neovim`) as its next
# commit, since plugin managers look for a plugin at the root of a branch. Work tree and index are left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
branch=refs/heads/${1:-neovim}
tree=$({ git ls-tree HEAD:editor-clients/neovim; git ls-tree HEAD LICENSE; } | git mktree)
tip=$(git rev-parse --verify --quiet "$branch" || true)
if [ -n "$tip" ] && [ "$(git rev-parse "$tip^{tree}")" = "$tree" ]; then
    exit
fi
commit=$(git commit-tree "$tree" ${tip:+-p "$tip"} -m "The Neovim client as of $(git rev-parse --short HEAD)")
git update-ref "$branch" "$commit" "$tip"
