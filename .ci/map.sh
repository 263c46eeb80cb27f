#!/bin/sh
# `make map`: brings the tables of files in runtime/README.md up to date.
#
# Between `<!-- files: FOLDER -->` and `<!-- end -->` stands one row for each file pair: its length and
# the first sentence of the comment it opens with. So the sentence is written once, in the file.
page=$1
top=$(dirname "$page")

rows() {  # rows FOLDER
  echo '| file | what it is |'
  echo '| --- | --- |'
  for stem in $(cd "$top/$1" && ls *.hpp *.cpp 2>/dev/null | sed 's/\.[ch]pp$//' | sort -u); do
    links=
    first=
    for ending in hpp cpp; do
      file=$1/$stem.$ending
      [ -f "$top/$file" ] || continue
      name=.$ending
      [ -n "$first" ] || { name=$stem.$ending first=$top/$file; }
      links="$links${links:+, }[$name]($file) $(wc -l <"$top/$file" | tr -d ' ')"
    done
    # The first sentence of the opening comment, on one line.
    said=$(awk '!/^\/\// { exit } { sub(/^\/\/ ?/, ""); if ($0 == "") exit; text = text (text == "" ? "" : " ") $0 }
                END {
                  if (match(text, /[.;]( |$)/)) text = substr(text, 1, RSTART - 1)
                  if (length(text) > 110 && match(text, /: /) && RSTART > 20) text = substr(text, 1, RSTART - 1)
                  gsub(/\|/, "\\|", text)
                  print text
                }' "$first")
    echo "| $links | $said |"
  done
}

while IFS= read -r line; do
  case $line in
    '<!-- files: '*)
      folder=${line#<!-- files: }
      folder=${folder% -->}
      printf '%s\n' "$line"
      rows "$folder"
      skipping=yes
      ;;
    '<!-- end -->') skipping= ;;
  esac
  [ -n "$skipping" ] || printf '%s\n' "$line"
done <"$page" >"$page.new"
cmp -s "$page.new" "$page" && rm "$page.new" || mv "$page.new" "$page"
