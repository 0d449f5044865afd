/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steelyard-probe - asks the Steelyard process of this Pod how it is
 *
 * usage: POD_NAME=<pod> steelyard-probe healthz|readyz
 *
 * The kubelet runs it in the container. It asks over the abstract Unix socket
 * that bears the Pod's name: two speakers on one node, an old and a new one
 * during an update, share the host's ports, and a port would have either of them
 * answer for the other. A program of its own because starting Node for each
 * probe would cost more than the speaker does.
 *
 * Prints what the process says, which is why it is not ready. Exit code: 0 when
 * it says 200; 1 when it says anything else, or nothing within two seconds.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Below every sensible timeoutSeconds, so that the kubelet hears the reason. */
#define TIMEOUT_SECONDS 2

static const char good[] = "HTTP/1.1 200 ";

static void give_up(int signal)
{
	static const char reason[] = "steelyard does not answer\n";

	(void)signal;
	(void)!write(STDOUT_FILENO, reason, sizeof(reason) - 1);
	_exit(1);
}

static int fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

/* Return: a connected socket, or -1 with errno. */
static int connect_to(const char *pod)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	/* The first byte stays zero: that makes the name abstract. */
	size_t room = sizeof(address.sun_path) - 1;
	int length = snprintf(address.sun_path + 1, room, "steelyard/%s", pod);
	int fd;

	if (length < 0 || (size_t)length >= room) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) < 0)
		return -1;
	return fd;
}

/* Reads until the other side closes or @size bytes are there, and ends them with a zero. */
static int receive(int fd, char *buffer, size_t size)
{
	size_t length = 0;
	ssize_t count;

	while (length < size - 1) {
		count = read(fd, buffer + length, size - 1 - length);
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		length += (size_t)count;
	}
	buffer[length] = '\0';
	return 0;
}

int main(int argc, char **argv)
{
	const char *pod = getenv("POD_NAME");
	char request[64], answer[8192];
	const char *body;
	int fd, length;

	if (argc != 2 || (strcmp(argv[1], "healthz") != 0 && strcmp(argv[1], "readyz") != 0) ||
	    pod == NULL) {
		puts("usage: POD_NAME=<pod> steelyard-probe healthz|readyz");
		return 1;
	}
	signal(SIGALRM, give_up);
	signal(SIGPIPE, SIG_IGN);
	alarm(TIMEOUT_SECONDS);
	fd = connect_to(pod);
	if (fd < 0)
		return fail("cannot reach steelyard");
	/* HTTP/1.0: the answer ends with the connection, so nothing of it needs counting. */
	length = snprintf(request, sizeof(request), "GET /%s HTTP/1.0\r\n\r\n", argv[1]);
	if (write(fd, request, (size_t)length) != length)
		return fail("cannot ask steelyard");
	if (receive(fd, answer, sizeof(answer)) < 0)
		return fail("cannot hear steelyard");
	body = strstr(answer, "\r\n\r\n");
	fputs(body == NULL ? answer : body + 4, stdout);
	return strncmp(answer, good, sizeof(good) - 1) == 0 ? 0 : 1;
}
