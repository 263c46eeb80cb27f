#!/bin/sh
# `make doctor`: what this machine has, what it lacks, how to get it. One line for each thing.
#
# Arguments, all from the Makefile: the compiler's command, its name and version, the complaint about
# it if it will not do, make's version, the poller in use, flags that find GoogleTest.
# Exit status 1 if something is missing that every command needs.
cxx=$1 compiler=$2 complaint=$3 make_version=$4 poller=$5 gtest_flags=$6
status=0

say() { printf '%-11s %-8s %s\n' "$1" "$2" "$3"; }
has() { command -v "$1" >/dev/null 2>&1; }

# how WHAT APT DNF PACMAN BREW PKG: the command that installs it here
how() {
  root=
  [ "$(id -u)" -eq 0 ] || ! has sudo || root='sudo '
  if has apt-get; then echo "${root}apt-get install $2"
  elif has dnf; then echo "${root}dnf install $3"
  elif has pacman; then echo "${root}pacman -S $4"
  elif has brew; then echo "brew install $5"
  elif has pkg; then echo "${root}pkg install $6"
  else echo "install $1 with this system's package manager"; fi
}

if [ -z "$complaint" ]; then
  say compiler ok "$compiler ($cxx)"
else
  status=1
  if [ "$compiler" = none ]; then
    say compiler missing "$(how g++ g++ gcc-c++ gcc gcc gcc)"
  else
    newer=$(how g++-12 g++-12 gcc-toolset-12-gcc-c++ gcc gcc gcc)
    say compiler 'too old' "$cxx is $compiler; g++ 12 or clang 16 is the least: $newer, then again"
  fi
fi

case $make_version in
  3.[0-7]* | 3.80 | '') say make 'too old' "GNU make $make_version; 3.81 is the least"; status=1 ;;
  *) say make ok "GNU make $make_version" ;;
esac

if [ "$compiler" = none ]; then
  say GoogleTest unknown 'cannot be looked for without a compiler'
elif printf '#include <gtest/gtest.h>\n' | $cxx -std=c++20 $gtest_flags -fsyntax-only -x c++ - 2>/dev/null; then
  say GoogleTest ok 'make test will work'
else
  say GoogleTest missing "only make test needs it: make deps ($(how GoogleTest libgtest-dev gtest-devel gtest googletest googletest))"
fi

say system ok "$(uname -s) $(uname -r) $(uname -m)"
case $(uname -s)-$poller in
  Linux-kqueue | Darwin-epoll | *BSD-epoll) say poller wrong "$poller does not exist here"; status=1 ;;
  *) say poller ok "$poller" ;;
esac

missing=
for tool in curl nginx python3 clang-format clang-tidy; do
  has "$tool" || missing="$missing $tool"
done
[ -z "$missing" ] || say optional missing "$(echo $missing) (tests that need one of them say SKIPPED)"
exit $status
