/**
 * What `--help` prints.
 *
 * @module
 */

/** The text of `--help`. */
export const HELP = `Usage: prefork [options] program [args]
       prefork [options]    what prefork.config.ts in this directory says
       prefork check [options] [program [args]]
       prefork upgrade [POOL|PIDFILE|PID] [--runtime-exec FILE]
       prefork upgrade [POOL|PIDFILE|PID] [--pass WAY] -- server [args]
       prefork list | status | top | reload | scale N | logs | reopen | stop
               [POOL]
       prefork restart SLOT | quiesce SLOT | resume SLOT [POOL]
       prefork doctor [--json] [options [program]] | [--json] POOL
       prefork help [TOPIC]
       prefork completion bash|zsh|fish
       prefork init [--print] [--force] [options] program [args]

Runs a program as a pool of worker processes behind one listening socket.
A program in JavaScript or TypeScript stays as it is: its listen(), Bun.serve()
or Deno.serve() gets the pool's socket. Any other program finds its sockets by
LISTEN_FDS or SERVER_STARTER_PORT.

Options:
      --config FILE       a file of pools and their options; what stands here
                          counts more (default without a program: one of
                          prefork.config.ts, .js, .mjs, .json; docs/CONFIG.md)
      --only NAME,..      which of its pools, where it has several
      --pm2 FILE          the apps of PM2's ecosystem.config.js as pools
                          (docs/PM2.md has what of it counts)
      --env NAME          which env_NAME of that file counts
  -w, --workers N|MIN-MAX|auto  how many workers; auto is one per CPU that
                          affinity and cgroup grant; 2-8 scales between these
                          by the load (default: auto)
  -l, --listen ADDRESS    where to listen; repeatable (default: where the
                          program listens, which one more start of it shows;
                          :8080 for programs in other languages)
                          :8080  host:port  [v6]:port  tcp://host:port
                          unix:/path?mode=0660&owner=..&group=..
                          unix:@abstract  fd:3  systemd:NAME  udp://:5353
                          each also as name=ADDRESS
                          each with ?backlog=N&share=MODE, [v6] with &ipv6Only
                          TLS ended in the workers, a pair for each name:
                          ?cert=chain.pem&key=key.pem&cert=..&key=..
                          behind a balancer, from these addresses only:
                          ?proxy=v1|v2|any&trust=10.0.0.0/8,192.0.2.1
  -s, --share MODE        how workers share an address (default: auto)
                          balanced, shared, sharded, reuseport, handoff, auto
      --balance WAY       who gets the next connection in handoff:
                          round-robin (default), least-connections, sticky
                          (by client address), sticky=cookie:NAME,
                          sticky=query:NAME
      --steer WAY         who chooses the worker in balanced and sharded: ebpf
                          (a program in the kernel, by load; needs CAP_BPF,
                          CAP_NET_ADMIN), off (one queue in balanced, the
                          kernel's hash in sharded), or auto (default: auto)
      --rebalance on|off|websockets  in balanced and sharded, which connections
                          a worker with too many ends, so that clients go to
                          others: of HTTP, WebSockets too, or none (default: on)
      --weights N,N,..    in balanced, what each slot gets of new connections in
                          relation to the others, as in 1,1,1,0.15; 1 for slots
                          that are not named (default: 1)
  -r, --runtime NAME      what runs the workers: node, deno, bun, exec, or a
                          mix such as node=3,bun=1
      --runtime-arg ARG   an argument for the runtime, before the program, as in
                          --runtime-arg --inspect=0; repeatable
      --pass WAY          how sockets reach a program in another language:
                          listen-fds, server-starter, einhorn, fpm, nginx,
                          stdin, or auto, which knows unicorn, gunicorn, puma,
                          uvicorn, hypercorn, nginx, haproxy, starman, starlet,
                          php-fpm (default: auto; docs/NEIGHBOURS.md)
      --stop-signal NAME  what asks such a program to leave (default: QUIT for
                          unicorn, nginx, php-fpm, starman, USR1 for haproxy,
                          else TERM)
      --ready-line REGEX  such a program is ready when it writes a line with
                          this (default: when it waits for connections)
      --ready-fd N        or a line to this file descriptor, as services of s6
      --ready-notify      or READY=1 to NOTIFY_SOCKET, as services of systemd
      --chdir DIR         where workers run, and relative paths to the program
                          begin; links are followed anew by each reload
      --env-file FILE     variables for workers, as Node's --env-file, read anew
                          by each reload; repeatable
      --umask OCTAL       permission bits that files of workers do not get
      --nice N            how much workers give way to other processes, 0 to 19;
                          the supervisor does not
      --cpu-affinity auto|LIST  each slot on a CPU of its own of those granted,
                          or on an entry of a list such as 0,1,4-7
      --user NAME|UID     workers run as this user, with its groups alone, no
                          capabilities and no way back; takes root and setpriv
                          of util-linux
      --group NAME|GID    instead of the primary group of --user
      --slot-variable NAME  the variable in which programs look for their slot
                          (default: NODE_APP_INSTANCE)
      --compile-cache DIR|off  where Node keeps compiled modules, for a faster
                          start and reload (default: prefork in
                          $XDG_CACHE_HOME or ~/.cache)
      --private-ports     leave addresses that are not the pool's to each
                          worker, instead of sharing them too
      --open none|unprivileged|any  which addresses are opened because a worker
                          listens on them (default: unprivileged: no ports
                          below 1024, nothing that the worker could not)
      --standby N         workers that have loaded the program and wait to take
                          over at once, beyond -w and --max-surge (default: 0)
      --scale-up PERCENT/TIME  with MIN-MAX, from which utilisation over how
                          long on there are more workers; also when connections
                          wait as long to be accepted (default: 70%/5s)
      --scale-down PERCENT/TIME  below which there is one fewer (default:
                          30%/60s)
      --max-workers N     the most workers SIGTTIN can ask for
      --max-surge N|N%    how many workers may be alive beyond those wanted
                          while some are replaced; those that drain count
                          (default: 1)
      --max-unavailable N|N%  how many of the wanted workers may be missing
                          while some are replaced (default: 0)
      --max-requests N    recycle a worker that has begun so many requests
      --max-age TIME      recycle a worker that has been ready for so long
      --max-rss SIZE      recycle a worker that holds more memory, as in 512M
      --max-rss-growth SIZE  recycle a worker that has grown by more
      --memory SIZE|auto  what supervisor and workers may take in all, auto for
                          the limit of the cgroup: divided into a limit of
                          V8's heap for each, and recycled at 80% of its part
      --recycle-jitter PERCENT  each worker draws its own limits, lower by up
                          to so much (default: 10%)
      --grace TIME        time a draining worker has before it is killed
                          (default: 30s)
      --drain-delay TIME  time in which workers accept as ever after TERM, so
                          that a balancer can stop first; a second TERM or INT
                          ends it (default: 0)
      --idle-grace TIME   time a draining worker gives an idle keep-alive
                          connection for one more request (default: 300ms)
      --start-timeout TIME  time a worker has to become ready (default: 60s)
      --hang-timeout TIME  time a worker's event loop may stand still before the
                          worker is killed and replaced; 0 for ever (default:
                          30s)
      --stuck-after TIME  in sharded: time a worker may let connections wait
                          before an idle one accepts them (default: 2ms, where
                          the kernel picks 10ms; 0: never)
      --hang-signal SIGABRT|none  what a hung worker is sent a second before
                          SIGKILL, for a core dump (default: none)
      --hang-stack signal|thread|none  how the stack of a hung worker on Node
                          is found: by SIGUSR1, which opens its debugger's port
                          on 127.0.0.1 until it is killed, or by a thread of it,
                          for some 10 MiB (default: signal)
      --wait-ready        a worker is ready when its program says so by
                          process.send("ready"), not when it listens
      --check PATH        a request that a worker of a new version has to answer
                          with 2xx or 3xx before it accepts, as in /health
      --check-timeout TIME  time it has for that (default: 5s)
      --soak TIME         time the first new worker of a reload must live
                          before the others follow (default: 1s)
      --probation TIME    time after the last slot of a reload in which a new
                          worker that ends brings the old ones back (default:
                          10s)
      --rollback park|restart|none  how: the old workers wait until then, are
                          started anew, or not at all (default: park)
      --signals NAME      what signals to the supervisor do: default, or the
                          habits of unicorn, gunicorn, nginx, einhorn
      --restarts N/TIME   so many workers may end early within so long before
                          the pool counts as degraded, or down
                          (default: 2 per worker, at least 5, in 60s)
      --name NAME         what the pool is called, in the lists of ps and top
                          too (default: by its address)
      --control PATH|off  where a pool can be asked: a Unix socket of this user
                          alone (default: by its name, in $XDG_RUNTIME_DIR,
                          /run or the temporary directory)
      --health ADDRESS    where the supervisor answers HTTP, as in :9000: /ready
                          with 200 while the pool is to get connections, else
                          503, /live with 200 (docs/METRICS.md)
      --metrics ADDRESS   where the supervisor answers /metrics for Prometheus;
                          can be that of --health; the control socket has it too
      --min-ready N       so many workers have to be ready for that (default: 1)
      --keep-old TIME     time the old supervisor stays after an upgrade, no
                          workers, to go back to: HUP to it, then QUIT to the
                          new one (default: 0)
      --pid-file PATH     where the supervisor's process id is written; no two
                          pools can have one, and "prefork upgrade" wants it
      --notification-fd N  where a line is written when every worker is ready,
                          for s6, whose file of that name has the number
      --fd-store          have systemd keep the sockets, for the next start also
                          after SIGKILL; with FileDescriptorStoreMax= in the
                          unit (default where systemd says that it does)
      --status-file PATH  where the state of the pool is written as JSON, at
                          every change; removed at the end
      --down 503|refuse|queue  what clients get while no worker is ready: an
                          HTTP answer with Retry-After (default where a worker
                          has served HTTP without TLS), ECONNREFUSED, or
                          nothing, they wait
      --down-after TIME   from when on, and from when on a slot without a worker
                          counts as degraded (default: 5s)
      --watch[=GLOB]      for development: reload when files change; repeatable.
                          Without a GLOB the program's directory; 'src/**', or
                          '!data.json' to leave out
      --log text|json     form of the log on stderr (default: text)
      --log-time auto|local|utc|off  the time in front of lines of text; auto
                          is local, none for systemd's journal (default: auto)
      --log-file FILE     a file for the log instead of stderr, which is opened
                          anew on USR1 and by "prefork reopen"
      --output prefix|raw|json|FILE  what becomes of what programs write: each
                          line with its slot in front, as it is, as an object
                          with slot and pid, or as it is into a file, opened
                          anew as that of --log-file, whose name can have
                          {slot} and {name} (default: prefix; json with
                          --log json)
  -h, --help              print this text
  -V, --version           print the version

TIME is a number with ms, s, m or h; without a unit it means seconds. SIZE is a
number of bytes with K, M or G (of 1024).

Verbs, for a pool that runs; POOL is its name, pid or socket, and can be left
out where there is one (docs/CONTROL.md):
  list [--json]           the pools of this user
  status [--json] [-w]    how it is, and each worker; -w again every second
  reload                  ends when the new workers have proved themselves, or
                          with the reason and code 1 when the old ones are back
  scale N|+N|-N           changes how many workers are wanted
  restart SLOT            replaces the worker of a slot
  reopen                  opens log files anew, after they were renamed
  stop [--quick]          ends when the pool has; --quick kills the workers
  logs [-n N] [-f]        the last lines that it has written, 10 or N; with -f
                          those that follow too, until it has ended

check says whether a pool with these options, or of these files, would start,
and starts nothing: 0, or the code with which the start would end.
doctor looks at this machine instead, and says what is in the way of a pool with
these options and what mends it; --json stands first. 0 where there is no
problem, else 1.

init writes what these options need to be deployed: a unit of systemd, a
Dockerfile and a compose file, manifests of Kubernetes (docs/DEPLOY.md). It asks
nothing and leaves files that are there as they are, but with --force; --print
writes none.

Signals: TERM, QUIT stop gracefully; INT too, a second INT at once (as unicorn
and nginx QUIT gracefully, TERM and INT at once; as gunicorn TERM gracefully,
QUIT and INT at once); HUP reloads, by what a configuration file says now; TTIN,
TTOU one worker more, fewer; WINCH drains all workers and keeps the sockets;
USR2 has a new supervisor take over; USR1 opens log files anew; CONT logs what
each worker does.

Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 the program does not
boot, 4 a listener cannot be bound, 5 the stop killed workers
(at the deadline, or on a second INT).
`;
