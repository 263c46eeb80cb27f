#!/bin/sh
# Runs GoogleTest programs, a few at a time, and adds up what they say.
#
#   tests/run.sh [-j PROGRAMS_AT_ONCE] [-t SECONDS_EACH] [-f GTEST_FILTER] PROGRAM...
#
# One line for each program that passes, the whole output of one that does not; the last line is
# always `N passed, N failed`. A test that crashed, hung or never ran counts as failed. Exit status
# 0 means that something ran and nothing failed. The time limit is kept by the programs themselves:
# see tests/support/main.cpp.

if [ "$1" = --one ]; then  # run.sh --one FOLDER SECONDS FILTER PROGRAM: called below through xargs
  folder=$2 limit=$3 filter=$4 program=$5
  name=${program##*/tests/}
  base=$folder/$(echo "$name" | tr / _)
  SIMUL_TEST_LIMIT=$limit "$program" --gtest_filter="$filter" --gtest_color=no </dev/null >"$base.log" 2>&1
  status=$?
  awk -v name="$name" -v status="$status" -v result="$base.result" '
    /^\[==========\] Running [0-9]+ test/ { planned = $3 }
    /\[ RUN      \] / { running = $0; sub(/.*\[ RUN      \] /, "", running) }
    /\[       OK \] .*\([0-9]+ ms\)$/ { passed++; running = "" }
    /\[  SKIPPED \] .*\([0-9]+ ms\)$/ { skipped++; why = why "\n        " running; running = "" }
    /\[  FAILED  \] .*\([0-9]+ ms\)$/ { failed++; running = "" }
    /^\[==========\] [0-9]+ tests? .* ran\. \([0-9]+ ms total\)/ { ended = 1; ms = $(NF - 2); sub(/\(/, "", ms) }
    /^killed: / { late = $0 }
    { text[NR] = $0 }
    END {
      cut = planned - passed - skipped - failed
      if (late != "") trouble = late
      else if (status > 128) trouble = "killed by signal " (status - 128)
      else if (!ended) trouble = "ended with status " status " before its tests had"
      else if (status != 0 && !failed) trouble = "exit status " status " although no test failed"
      if (trouble != "" && running != "") trouble = trouble " in " running
      if (trouble != "" && cut <= 0 && !failed) cut = 1
      if (cut > 0) failed += cut
      printf "%d %d %d\n", passed, failed, skipped > result
      if (passed + failed + skipped == 0) exit
      if (failed) {
        printf "  FAIL  %s\n", name
        for (i = 1; i <= NR; i++)
          if (text[i] !~ /^\[( RUN      |       OK |----------|==========)\]/ && text[i] !~ /^(killed: |Note: Google Test|$)/) print "        " text[i]
        if (trouble != "") printf "        %s: %s (%d not run or not finished)\n", name, trouble, cut
      } else {
        printf "  ok    %-40s %4d passed%s  %6.1f s\n", name, passed, skipped ? ", " skipped " skipped" : "", ms / 1000
      }
    }' "$base.log" >"$base.report"
  cat "$base.report"
  exit 0
fi

at_once=2 limit=120 filter=
while getopts j:t:f: option; do
  case $option in
    j) at_once=$OPTARG ;;
    t) limit=$OPTARG ;;
    f) filter=$OPTARG ;;
    *) echo "usage: tests/run.sh [-j PROGRAMS_AT_ONCE] [-t SECONDS_EACH] [-f GTEST_FILTER] PROGRAM..." >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))

: "${ASAN_OPTIONS:=detect_stack_use_after_return=1}" "${UBSAN_OPTIONS:=print_stacktrace=1}"
: "${TSAN_OPTIONS:=second_deadlock_stack=1}"
export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS

folder=$(mktemp -d "${TMPDIR:-/tmp}/simul-tests.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM HUP
[ $# -eq 0 ] || printf '%s\n' "$@" | xargs -n 1 -P "$at_once" "$0" --one "$folder" "$limit" "${filter:-*}"

cat "$folder"/*.result 2>/dev/null | awk -v filter="$filter" '
  { passed += $1; failed += $2; skipped += $3 }
  END {
    if (skipped) printf "%d skipped\n", skipped
    if (passed + failed + skipped == 0) print filter == "" ? "there are no tests" : "no test is called " filter
    printf "%d passed, %d failed\n", passed, failed
    exit failed > 0 || passed + skipped == 0
  }'
