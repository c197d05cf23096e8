#!/usr/bin/env bash
# Node's reader of .env files (--env-file, util.parseEnv) reads on where a line
# has ended: a name whose value is a space takes the whole next line for its
# value, which is no variable then; "export" before an empty value is a part of
# the name; and an indented comment below a comment is a variable.
# And Node looks for --env-file behind the script too, where words are the
# script's: it ends when that file is not there, before the script begins.
#
# Guess: a variable ends with its line, as https://nodejs.org/api/cli.html shows
# it, and "node script.js --env-file FILE" is a script with two arguments.
# Seen on Node 26.10.0.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null

run() { timeout 60 ./node_modules/.bin/node "$@"; }
read_file() {
  run -e 'console.log(JSON.stringify(require("node:util").parseEnv(process.argv[1])))' "$1"
}
echo 'console.log(process.argv.length)' >script.cjs
code=0
words=$(run script.cjs --env-file missing.env 2>&1) || code=$?
seen="$(run --version)
space: $(read_file $'A= \nB=2')
export: $(read_file $'export A=\nB=2')
comment: $(read_file $'# A\n  # B=1\nC=2')
behind the script: code $code, ${words##*: }"
expected='v26.10.0
space: {"A":"B=2"}
export: {"B":"2","export A":""}
comment: {"# B":"1","C":"2"}
behind the script: code 9, not found'
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Node 26.10.0:" "$expected" >&2
  exit 1
}
