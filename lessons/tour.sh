#!/bin/sh
# `make tour`: every lesson of the manifest in order, then a table of how it went.
#
#   lessons/tour.sh MANIFEST FOLDER_OF_BINARIES
#
# Exit status 1 if a lesson failed, 130 after Ctrl-C. Colour only on a terminal, and not with NO_COLOR.
manifest=$1 binaries=$2

bold= red= green= plain=
if [ -t 1 ] && [ -z "$NO_COLOR" ] && [ "$TERM" != dumb ]; then
  bold=$(printf '\033[1m') red=$(printf '\033[31m') green=$(printf '\033[32m') plain=$(printf '\033[0m')
fi

now() {
  case $(date +%N) in
    *[!0-9]* | '') date +%s ;;
    *) date +%s.%N ;;
  esac
}

table=
failed=0
report() {
  printf '\n%s%-24s %-44s %-12s %7s%s\n' "$bold" lesson title result seconds "$plain"
  printf '%s' "$table"
}
stop() {
  trap - INT TERM
  printf '\n'
  [ -z "$table" ] || report
  echo 'stopped'
  exit 130
}
trap stop INT TERM

while IFS='|' read -r order name title minutes points opens arguments <&3; do
  case $order in '' | '#'*) continue ;; esac
  printf '\n%s== %s: %s%s\n' "$bold" "$name" "$title" "$plain"
  started=$(now)
  # Unquoted: the manifest's arguments are separate words.
  "$binaries/$name" $arguments </dev/null
  status=$?
  [ $status -ne 130 ] || stop
  seconds=$(awk "BEGIN { printf \"%.1f\", $(now) - $started }")
  if [ $status -eq 0 ]; then result=ok colour=$green
  elif [ $status -gt 128 ]; then result="signal $((status - 128))" colour=$red failed=$((failed + 1))
  else result="failed ($status)" colour=$red failed=$((failed + 1)); fi
  table=$table$(printf '%-24s %-44s %s%-12s%s %7s' "$name" "$title" "$colour" "$result" "$plain" "$seconds")'
'
done 3<"$manifest"

report
[ $failed -eq 0 ]
