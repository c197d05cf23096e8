# Answers on the socket whose number it is given.
require "socket"

# "/path/of/the/socket=3": the convention of Server::Starter.
fd = ENV.fetch("SERVER_STARTER_PORT").rpartition("=").last.to_i

# SIGTERM wakes the loop, so that an answer that was begun is finished. Ctrl-C
# reaches every process of the terminal: what it means is up to the supervisor.
woken, waker = IO.pipe
trap("TERM") { waker.write_nonblock("!") }
trap("INT", "IGNORE")

listener = UNIXServer.for_fd(fd)
until IO.select([listener, woken]).first.include?(woken)
  begin
    client = listener.accept_nonblock
    client.puts "Hello from #{$$}, in Ruby"
  rescue SystemCallError
    # Another worker was quicker, or the client has gone.
  ensure
    client&.close
  end
end
