/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: A steady stream of datagrams to an address, and what comes back.
 *
 * Usage: udp-stream serve PORT [ADDRESS]
 *        udp-stream send ADDRESS PORT PER-SECOND
 *
 * "serve" sends every datagram back to whom it came from. "send" sends numbered
 * datagrams at that rate until its input ends, waits half a second for what is
 * still on its way, and prints "SENT RECEIVED LONGEST-GAP": how many went out,
 * how many of them came back, and how many in a row did not. It says "ready" on
 * stderr when the first one has come back.
 */
#include <arpa/inet.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000L
#define LATE_NS (NS_PER_S / 2)
/* Four minutes at 5,000 a second. */
#define DATAGRAMS_MAX 1200000

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int open_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM, 0);
	int room = 8 << 20;

	if (fd < 0)
		fail("socket");
	/* A busy machine must not look like a loss; more than the limit needs a privilege. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

struct endpoint {
	int fd;
	struct sockaddr_storage at;
	socklen_t length;
};

static struct endpoint open_for(const char *address, uint16_t port)
{
	struct endpoint endpoint = { 0 };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;

	if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1)
		fail(address);
	endpoint.fd = open_socket(is_six ? AF_INET6 : AF_INET);
	endpoint.length = is_six ? sizeof(six) : sizeof(four);
	memcpy(&endpoint.at, is_six ? (void *)&six : (void *)&four, endpoint.length);
	return endpoint;
}

static void serve(const char *address, uint16_t port)
{
	struct endpoint own = open_for(address, port);
	struct sockaddr_storage from;
	int fd = own.fd, on = 1;
	char data[64];

	/* The address may be one that is served here without being any interface's. */
	if (own.at.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&own.at, own.length) < 0)
		fail("bind");
	for (;;) {
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length);

		if (size >= 0)
			sendto(fd, data, (size_t)size, 0, (struct sockaddr *)&from, length);
	}
}

static int connect_to(const char *address, uint16_t port)
{
	struct endpoint peer = open_for(address, port);

	if (connect(peer.fd, (struct sockaddr *)&peer.at, peer.length) < 0)
		fail("connect");
	return peer.fd;
}

struct tally {
	uint32_t sent;
	uint32_t received;
	bool *back;
};

static void take_replies(int fd, struct tally *tally)
{
	uint32_t number;

	/* Errors are those of earlier sends (ICMP): that datagram is lost, which is counted. */
	while (recv(fd, &number, sizeof(number), MSG_DONTWAIT) == sizeof(number)) {
		if (number >= tally->sent || tally->back[number])
			continue;
		if (tally->received++ == 0)
			fprintf(stderr, "ready\n");
		tally->back[number] = true;
	}
}

static void wait_until(int fd, int64_t at, struct tally *tally)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };

	for (int64_t left = at - now_ns(); left > 0; left = at - now_ns()) {
		struct timespec timeout = { .tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S };

		if (ppoll(&waiting, 1, &timeout, NULL) > 0)
			take_replies(fd, tally);
	}
}

static bool input_ended(void)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };

	return poll(&input, 1, 0) > 0;
}

static uint32_t longest_gap(const struct tally *tally)
{
	uint32_t longest = 0, gap = 0;

	for (uint32_t i = 0; i < tally->sent; i++) {
		gap = tally->back[i] ? 0 : gap + 1;
		longest = gap > longest ? gap : longest;
	}
	return longest;
}

static void send_stream(int fd, long per_second)
{
	struct tally tally = { .back = calloc(DATAGRAMS_MAX, sizeof(bool)) };
	int64_t next = now_ns();

	if (tally.back == NULL)
		fail("calloc");
	while (tally.sent < DATAGRAMS_MAX && (tally.sent % 50 != 0 || !input_ended())) {
		uint32_t number = tally.sent++;

		send(fd, &number, sizeof(number), 0);
		next += NS_PER_S / per_second;
		wait_until(fd, next, &tally);
		take_replies(fd, &tally);
	}
	wait_until(fd, now_ns() + LATE_NS, &tally);
	printf("%u %u %u\n", tally.sent, tally.received, longest_gap(&tally));
	free(tally.back);
}

int main(int argc, char **argv)
{
	if ((argc == 3 || argc == 4) && strcmp(argv[1], "serve") == 0) {
		serve(argc == 4 ? argv[3] : "::", (uint16_t)atoi(argv[2]));
	} else if (argc == 5 && strcmp(argv[1], "send") == 0 && atol(argv[4]) > 0) {
		send_stream(connect_to(argv[2], (uint16_t)atoi(argv[3])), atol(argv[4]));
		return 0;
	}
	fprintf(stderr, "udp-stream serve PORT [ADDRESS] | udp-stream send ADDRESS PORT PER-SECOND\n");
	return 2;
}
