#!/bin/bash
# The smallest worker that speaks on the channel: greets, then leaves when it is
# told to drain or the supervisor is gone. It starts in a few milliseconds.
echo '{"prefork":1,"type":"hello","runtime":"bash","pid":'$$'}' >&"$NODE_CHANNEL_FD"
read -r _ <&"$NODE_CHANNEL_FD" 2>/dev/null
