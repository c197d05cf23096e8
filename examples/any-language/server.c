/* Echoes lines, on the socket that it inherits. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t leaving;

static void leave(int number)
{
	(void)number;
	leaving = 1;
}

int main(void)
{
	/* Without SA_RESTART: it ends the wait in accept(). */
	struct sigaction term = { .sa_handler = leave };
	sigaction(SIGTERM, &term, NULL);
	while (!leaving) {
		char line[4096];
		int fd = accept(3, NULL, NULL);
		if (fd < 0)
			continue;
		sigset_t mask;
		sigemptyset(&mask);
		sigaddset(&mask, SIGTERM);
		sigprocmask(SIG_BLOCK, &mask, NULL);
		FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
		while (fgets(line, sizeof line, in)) {
			fprintf(out, "c %d: %s", (int)getpid(), line);
			fflush(out);
		}
		fclose(in);
		fclose(out);
		sigprocmask(SIG_UNBLOCK, &mask, NULL);
	}
	return 0;
}
