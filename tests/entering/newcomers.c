/* An attacker in a box: whoever comes into it is searched for what is not the box's, in a tight loop.

   A newcomer is toyspec's own until it executes its command: its command line says so. It is stopped
   and let go again and again, so that there is time for every attempt at every point of its way. Only
   what is got while it is toyspec's counts. At a SIGTERM it ends, and says what it saw and got.

   $1 is a text that only the host's side has: in a descriptor, an environment, or memory. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AHEAD = 64, ROUNDS = 24, LARGE = 1 << 16 };

static const char *secret;
static long met, attempts;
static char got[4096];

static void gain(const char *what, const char *more)
{
	char line[256];
	snprintf(line, sizeof line, "%s %.150s\n", what, more);
	if (!strstr(got, line) && strlen(got) + strlen(line) < sizeof got)
		strcat(got, line);
}

static ssize_t slurp(pid_t pid, const char *name, char *into, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t done = 0, count;
	while (done < (ssize_t)size - 1 && (count = read(fd, into + done, size - 1 - done)) > 0)
		done += count;
	close(fd);
	into[done] = 0;
	return done;
}

static int is_ours(pid_t pid)
{
	char line[256];
	ssize_t size = slurp(pid, "cmdline", line, sizeof line);
	if (size > 0 && memmem(line, size, secret, strlen(secret)))
		gain("cmdline", secret);
	return size >= 7 && !memcmp(line, "toyspec", 8);
}

/* What was got counts only if it was ours all the time. */
static void count(pid_t pid, const char *what, const char *more)
{
	if (is_ours(pid))
		gain(what, more);
}

static void look_at_link(pid_t pid, const char *name)
{
	char path[64], target[256] = "";
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	attempts++;
	if (readlink(path, target, sizeof target - 1) > 0)
		count(pid, name, target);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		count(pid, name, "opened");
		close(fd);
	}
}

static void look_at_files(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/map_files", pid);
	DIR *files = opendir(path);
	attempts++;
	for (struct dirent *each; files && (each = readdir(files));)
		if (each->d_name[0] != '.')
			count(pid, "map_files", each->d_name);
	if (files)
		closedir(files);
}

static void look_at_descriptors(pid_t pid)
{
	char path[64], target[256], text[256];
	for (int fd = 0; fd < 16; fd++) {
		memset(target, 0, sizeof target);
		snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
		attempts++;
		if (readlink(path, target, sizeof target - 1) > 0)
			count(pid, "fd", target);
		int own = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (own < 0)
			continue;
		ssize_t size = read(own, text, sizeof text);
		count(pid, "fd", "opened");
		if (size > 0 && memmem(text, size, secret, strlen(secret)))
			gain("fd", secret);
		close(own);
	}
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	for (int fd = 0; pidfd >= 0 && fd < 16; fd++) {
		attempts++;
		int own = syscall(438 /* pidfd_getfd */, pidfd, fd, 0);
		if (own >= 0) {
			count(pid, "pidfd_getfd", "a descriptor");
			close(own);
		}
	}
	if (pidfd >= 0)
		close(pidfd);
}

static void look_at_memory(pid_t pid)
{
	static char maps[LARGE], memory[LARGE];
	char path[64];
	attempts += 3;
	if (slurp(pid, "environ", memory, sizeof memory) > 0)
		count(pid, "environ", memory);
	if (slurp(pid, "auxv", memory, sizeof memory) > 0)
		count(pid, "auxv", "read");
	if (slurp(pid, "maps", maps, sizeof maps) > 0)
		count(pid, "maps", "read");
	else
		strcpy(maps, "600000000000-600000010000\n");
	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		count(pid, "mem", "opened");
	for (char *line = maps; *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "") {
		unsigned long begin = strtoul(line, NULL, 16);
		struct iovec to = {memory, sizeof memory}, from = {(void *)begin, sizeof memory};
		attempts++;
		if (process_vm_readv(pid, &to, 1, &from, 1, 0) > 0)
			count(pid, "process_vm_readv", "memory");
		if (fd >= 0 && pread(fd, memory, sizeof memory, begin) > 0) {
			count(pid, "mem", "read");
			if (memmem(memory, sizeof memory, secret, strlen(secret)))
				count(pid, "mem", secret);
		}
	}
	if (fd >= 0)
		close(fd);
}

static void trace(pid_t pid)
{
	attempts++;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	count(pid, "ptrace", "seized");
	look_at_memory(pid);
	kill(pid, SIGKILL); /* nobody would go on with one that is traced and stops */
	waitpid(pid, NULL, __WALL);
}

static void search(pid_t pid)
{
	look_at_link(pid, "exe");
	look_at_link(pid, "cwd");
	look_at_link(pid, "root");
	look_at_link(pid, "ns/mnt");
	look_at_files(pid);
	look_at_descriptors(pid);
	look_at_memory(pid);
	trace(pid);
}

static volatile sig_atomic_t over;

static void end(int number)
{
	over = number;
}

static void meet(pid_t pid)
{
	if (!is_ours(pid))
		return;
	met++;
	puts("met");
	fflush(stdout);
	for (int round = 0; round < ROUNDS && is_ours(pid); round++) {
		if (round % 3 == 0)
			kill(pid, SIGSTOP);
		search(pid);
		kill(pid, SIGCONT);
		for (int spin = rand() % 2000; spin > 0; spin--)
			__asm__ volatile("");
	}
	kill(pid, SIGCONT);
}

int main(int argc, char **argv)
{
	secret = argc > 1 ? argv[1] : "none";
	pid_t next = getpid() + 1;
	signal(SIGTERM, end);
	puts("=== stands ===");
	fflush(stdout);
	while (!over)
		for (pid_t pid = next; pid < next + AHEAD; pid++)
			if (kill(pid, 0) == 0 || errno == EPERM) {
				meet(pid);
				next = pid + 1;
				break;
			}
	printf("met %ld\nattempts %ld\n%s", met, attempts, got);
	return 0;
}
