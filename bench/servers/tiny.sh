#!/bin/bash
# The smallest worker that speaks on the channel: greets, says that it is ready
# and leaves when it is told to drain or the supervisor is gone. It starts in a
# few milliseconds.
for message in '"type":"hello","runtime":"bash","pid":'$$ '"type":"ready"'; do
  echo "{\"prefork\":1,$message}" >&"$NODE_CHANNEL_FD"
done
while read -r line <&"$NODE_CHANNEL_FD" 2>/dev/null; do
  case $line in *'"drain"'*) exit ;; esac
done
