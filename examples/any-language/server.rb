# Says who it is to each client: the block of the classic prefork server.
require "socket"

server = UNIXServer.for_fd(3)
busy = leaving = false
# Whoever is being served gets the rest first.
trap("TERM") { busy ? leaving = true : exit }

until leaving
  client = server.accept
  busy = true
  while (line = client.gets)
    client.puts "ruby #{$$}: #{line}"
  end
  client.close
  busy = false
end
