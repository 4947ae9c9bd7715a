#!/bin/sh
# Makes this machine ready to build, run and test Ringfence: Debian packages, then .venv with pinned Python packages
# and Ringfence itself (editable). Does only what is missing; a second run changes nothing and needs no network.
#
# usage: scripts/setup.sh        exit 0: ready; 1: one message says what is missing and what to do
set -eu
cd "$(dirname "$0")/.."

DEBIAN_PACKAGES="gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm \
    libstb-dev libjsmn-dev gcc libc6-dev clang-14"
NEEDED_COMMANDS="arm-none-eabi-gcc arm-none-eabi-g++ qemu-system-arm gcc"
NEEDED_FILES="/usr/include/stb/stb_image.h /usr/include/jsmn.h"
VENV=.venv
STAMP=$VENV/ringfence-setup.stamp
LOG=build/setup.log

fail() {
    echo "setup: $1" >&2
    exit 1
}

say() {
    echo "setup: $1"
}

# Run a command quietly; on failure show the end of its output and give up with the message.
quietly() {
    message=$1
    shift
    if ! "$@" >"$LOG" 2>&1; then
        tail -n 15 "$LOG" | cut -c1-400 >&2
        fail "$message (complete output: $LOG)"
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Print those of the Debian packages named in $* that are not installed.
missing_packages() {
    for package in "$@"; do
        installed "$package" || printf '%s ' "$package"
    done
}

install_packages() {
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        fail "Debian packages are missing; as root: apt-get install $missing"
    say "installing Debian packages: $missing"
    quietly "apt-get update failed" as_root apt-get update
    # shellcheck disable=SC2086  # a list of names
    quietly "apt-get install failed; by hand: apt-get install $missing" \
        as_root apt-get install -y --no-install-recommends $missing
}

# Other distributions name their packages differently: there the tools must be present already.
require_tools() {
    for name in $NEEDED_COMMANDS; do
        command -v "$name" >/dev/null || fail "$name not found; install it (Debian: apt-get install $DEBIAN_PACKAGES)"
    done
    for file in $NEEDED_FILES; do
        [ -e "$file" ] || fail "$file not found (Debian: apt-get install libstb-dev libjsmn-dev)"
    done
}

is_usable_python() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

# Print the first python3 >= 3.10 on PATH that can make virtual environments.
find_python() {
    for python in python3 /usr/bin/python3 python3.13 python3.12 python3.11 python3.10; do
        if is_usable_python "$python"; then
            echo "$python"
            return 0
        fi
    done
    return 1
}

require_python() {
    find_python >/dev/null && return 0
    if command -v apt-get >/dev/null; then
        install_packages python3 python3-venv
    fi
    find_python >/dev/null || fail "no python3 >= 3.10 with the venv module on PATH (Debian: apt-get install python3-venv)"
}

# What .venv depends on, as one hash.
fingerprint() {
    { cat requirements.txt pyproject.toml scripts/setup.sh; pwd; } | sha256sum | cut -d' ' -f1
}

venv_is_current() {
    [ -x $VENV/bin/python ] && $VENV/bin/python -c '' 2>/dev/null && [ "$(cat $STAMP 2>/dev/null)" = "$(fingerprint)" ]
}

make_venv() {
    python=$(find_python)
    if ! { [ -x $VENV/bin/python ] && $VENV/bin/python -m pip --version >/dev/null 2>&1; }; then
        say "creating $VENV with $python ($("$python" -c 'import platform; print(platform.python_version())'))"
        rm -rf $VENV
        quietly "cannot create $VENV" "$python" -m venv $VENV
    fi
    say "installing Python packages (requirements.txt)"
    rm -f $STAMP
    quietly "pip could not install requirements.txt; is the network reachable?" \
        $VENV/bin/python -m pip install --disable-pip-version-check -r requirements.txt
    quietly "pip could not install Ringfence itself" \
        $VENV/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
    quietly "the pinned packages do not fit pyproject.toml" $VENV/bin/python -m pip check --disable-pip-version-check
    fingerprint >$STAMP
}

mkdir -p build
if command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086  # a list of names
    install_packages $DEBIAN_PACKAGES
fi
require_tools
venv_is_current || { require_python && make_venv; }
