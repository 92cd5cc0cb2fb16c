#!/usr/bin/env bash
# Puts a Neovim 0.12 into a folder, with its own libc, and leaves the system alone; prints its path. For Debian, as root.
# Where there is one already, on the PATH or in EMPOWER_NVIM, that is printed. Needs: apt-get, dpkg, patchelf.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
for nvim in "${EMPOWER_NVIM:-}" "$(command -v nvim || true)" "$folder/usr/bin/nvim"; do
    if [ -x "$nvim" ] && "$nvim" --clean --headless -c 'exe has("nvim-0.12") ? "q" : "cq"' 2>/dev/null; then
        echo "$nvim"
        exit
    fi
done

apt=$folder/apt
mkdir -p "$apt"/{lists/partial,cache/archives/partial}
: > "$apt/status" # nothing counts as installed: all that Neovim needs comes along
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" > "$apt/sources.list"
cat > "$apt/apt.conf" <<END
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
END
{
    APT_CONFIG=$apt/apt.conf apt-get -qq update
    APT_CONFIG=$apt/apt.conf apt-get -qq install -y --download-only --no-install-recommends neovim
    for package in "$apt"/cache/archives/*.deb; do dpkg -x "$package" "$folder"; done
    rm -rf "$apt"
    library=$folder/usr/lib/$(uname -m)-linux-gnu
    loader=$(ls "$library"/ld-linux-*.so.* | head -1)
    patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$library" "$folder/usr/bin/nvim"
} >&2
echo "$folder/usr/bin/nvim"
