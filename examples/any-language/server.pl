# Echoes lines, on the socket that it inherits.
use strict;
use warnings;
use IO::Socket::UNIX;

my $server = IO::Socket::UNIX->new_from_fd(3, "r+") or die "no socket: $!";
my $leaving = 0;
# Whoever is being served gets the rest first.
$SIG{TERM} = sub { $leaving = 1 };

until ($leaving) {
    # A signal ends the wait.
    my $client = $server->accept or next;
    $client->autoflush(1);
    while (my $line = <$client>) {
        print $client "perl $$: $line";
    }
}
