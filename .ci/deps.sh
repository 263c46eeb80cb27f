#!/bin/sh
# `make deps`: installs GoogleTest if it is missing, and says what it runs. Nothing else is needed.
#
# Arguments from the Makefile: the compiler's command, flags that find GoogleTest.
cxx=$1 flags=$2

present() { printf '#include <gtest/gtest.h>\n' | $cxx -std=c++20 $flags -fsyntax-only -x c++ - 2>/dev/null; }
has() { command -v "$1" >/dev/null 2>&1; }
run() { echo "+ $*"; "$@" || { echo "make deps: that failed: $*" >&2; exit 1; }; }

if present; then
  echo 'GoogleTest is here'
  exit 0
fi

root=
if [ "$(id -u)" -ne 0 ] && ! has brew; then
  has sudo || { echo 'make deps: GoogleTest is missing, and only root can install it (there is no sudo)' >&2; exit 1; }
  root=sudo
fi
if has apt-get; then
  run $root apt-get update
  run $root env DEBIAN_FRONTEND=noninteractive apt-get install -y libgtest-dev
elif has dnf; then run $root dnf install -y gtest-devel
elif has pacman; then run $root pacman -S --needed --noconfirm gtest
elif has brew; then run brew install googletest
elif has pkg; then run $root pkg install -y googletest
else
  echo 'make deps: no package manager that it knows (apt, dnf, pacman, brew, pkg): install GoogleTest by hand' >&2
  exit 1
fi
