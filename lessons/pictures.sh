#!/bin/sh
# `make pictures`: a run of each lesson as a picture, FOLDER/NN-name/timeline.svg.
#
#   lessons/pictures.sh MANIFEST FOLDER_OF_BINARIES FOLDER [NUMBER...]
#
# With numbers, only these lessons. Each is run as in the tour, except where a part of it makes the
# better picture. In virtual time a run is always the same, and so is its picture; where sockets,
# threads or the processor's speed are involved, it is a picture of this run on this machine.
#
# A lesson that fails keeps the picture that it has; then the exit status is 1.
manifest=$1 binaries=$2 folder=$3
shift 3
wanted=" $* "

# Lesson 15's workers are programs of their own. This is one of them, with nine jobs to do; it needs
# a server, on a port and not on a socket: a picture holds no path of a machine.
redis=redis://127.0.0.1:16379
fill_queue() {
  command -v redis-server >/dev/null || return 1
  redis-server --port 16379 --bind 127.0.0.1 --save '' >/dev/null &
  server=$!
  for host in google yahoo linkedin apple microsoft facebook twitter shutterfly mypublisher; do
    tries=0
    until "$binaries/$1.enqueue" --url $redis default mymodule.count_words_at_url "http://$host.com" >/dev/null 2>&1; do
      tries=$((tries + 1))
      [ $tries -lt 50 ] || return 1 # it has no way to tell when it is ready
      sleep 0.1
    done
  done
}

# The program and the arguments that make a lesson's picture.
picture_of() {
  case $1 in
    13-*) echo "$1.together" ;;               # a pool, a thread and a loop, and not only a fork
    15-*) echo "$1.worker" --burst --concurrency 3 --url "$redis" default ;;
    16-*) echo "$1" --only round --pairs 5 ;; # a few rounds, not the whole table
    17-*) echo "$1" --virtual-time --only task --below 200000 --every 30000 ;;
    18-*) echo "$1.files" ;;                  # one call, made twice, and not dozens of them
    19-*) echo "$1" --only scene --at-once 4 ;; # a few clients, who can be told apart
    20-*) echo "$1" --without-eve ;;          # her scene is longer than the others together
    21-*) echo "$1" --pages 24 --concurrency 6 --per-host 2 --latency 0.02 --timeout 0.1 ;; # the beginning of a crawl
    22-*) echo "$1.cores" --only /compute --clients 6 --seconds 0.02 ;; # whose loops one can see
    *) echo "$1" "$2" ;;
  esac
}

failed=0
new=$(mktemp -d) || exit 1
server=
trap 'rm -rf "$new"; [ -z "$server" ] || kill "$server"' EXIT
trap 'exit 130' INT TERM

while IFS='|' read -r order name title minutes points opens arguments <&3; do
  case $order in '' | '#'*) continue ;; esac
  case $wanted in '  ' | *" $order "*) ;; *) continue ;; esac
  program=$(picture_of "$name" "$arguments")
  case $name in 15-*) fill_queue "$name" || echo "$name: without a redis-server there is nothing to draw" >&2 ;; esac
  # Unquoted: separate words, the program's name first.
  if "$binaries"/$program --trace "$new/timeline.svg" \
    </dev/null >/dev/null 2>"$new/errors"; then
    chmod 644 "$new/timeline.svg"
    cmp -s "$new/timeline.svg" "$folder/$name/timeline.svg" ||
      mv "$new/timeline.svg" "$folder/$name/timeline.svg"
    printf '%-24s %7d bytes\n' "$name" "$(wc -c <"$folder/$name/timeline.svg")"
  else
    printf '%-24s failed (%d)\n' "$name" $?
    tail -n 3 "$new/errors" >&2
    failed=1
  fi
done 3<"$manifest"

exit $failed
