/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Measures how fast ARP requests are answered.
 *
 * Usage: arp-client INTERFACE SENDER-ADDRESS TARGET-ADDRESS latency COUNT
 *        arp-client INTERFACE SENDER-ADDRESS TARGET-ADDRESS rate SECONDS
 *
 * latency: one request at a time, 200 us apart; prints p50, p99 and p99.9 in
 * microseconds, and how many were not answered within 100 ms. rate: 64 requests
 * under way; prints answers a second. Both print one JSON object.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 64
#define PAUSE_NS 200000
#define PATIENCE_MS 100

struct frame {
	struct ethhdr ethernet;
	struct ether_arp arp;
	uint8_t padding[18];
} __attribute__((packed));

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static int open_socket(const char *interface, struct frame *request)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));
	struct ifreq hardware = { 0 };

	if (fd < 0)
		fail("socket");
	at.sll_ifindex = (int)if_nametoindex(interface);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("bind");
	strncpy(hardware.ifr_name, interface, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &hardware) < 0)
		fail("SIOCGIFHWADDR");
	memcpy(request->ethernet.h_source, hardware.ifr_hwaddr.sa_data, ETH_ALEN);
	memcpy(request->arp.arp_sha, hardware.ifr_hwaddr.sa_data, ETH_ALEN);
	return fd;
}

static void compose(struct frame *request, const char *sender, const char *target)
{
	memset(request->ethernet.h_dest, 0xff, ETH_ALEN);
	request->ethernet.h_proto = htons(ETH_P_ARP);
	request->arp.arp_hrd = htons(ARPHRD_ETHER);
	request->arp.arp_pro = htons(ETH_P_IP);
	request->arp.arp_hln = ETH_ALEN;
	request->arp.arp_pln = 4;
	request->arp.arp_op = htons(ARPOP_REQUEST);
	if (inet_pton(AF_INET, sender, request->arp.arp_spa) != 1 ||
	    inet_pton(AF_INET, target, request->arp.arp_tpa) != 1)
		fail("address");
}

static void ask(int fd, const struct frame *request)
{
	if (send(fd, request, sizeof(*request), 0) < 0)
		fail("send");
}

/* Takes one waiting frame. Return: true when it is the answer. */
static bool take_answer(int fd, const struct frame *request)
{
	struct frame frame;

	return recv(fd, &frame, sizeof(frame), MSG_DONTWAIT) >= (ssize_t)(sizeof(frame) - 18) &&
	       frame.arp.arp_op == htons(ARPOP_REPLY) &&
	       memcmp(frame.arp.arp_spa, request->arp.arp_tpa, 4) == 0;
}

static bool await_answer(int fd, const struct frame *request)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };

	while (poll(&waiting, 1, PATIENCE_MS) > 0)
		if (take_answer(fd, request))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void measure_latency(int fd, const struct frame *request, int count)
{
	int64_t *took = calloc((size_t)count + 1, sizeof(*took));
	int answered = 0;

	for (int i = 0; i < count; i++) {
		struct timespec pause = { .tv_nsec = PAUSE_NS };
		int64_t start = now_ns();

		ask(fd, request);
		if (await_answer(fd, request))
			took[answered++] = now_ns() - start;
		nanosleep(&pause, NULL);
	}
	qsort(took, (size_t)answered, sizeof(*took), compare);
	printf("{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"lost\":%d}\n",
	       (double)took[answered / 2] / 1e3, (double)took[answered * 99LL / 100] / 1e3,
	       (double)took[answered * 999LL / 1000] / 1e3, count - answered);
	free(took);
}

static void measure_rate(int fd, const struct frame *request, int seconds)
{
	int64_t start = now_ns(), end = start + seconds * 1000000000ll;
	long answered = 0, lost = 0;
	int under_way = 0;

	while (now_ns() < end) {
		for (; under_way < WINDOW; under_way++)
			ask(fd, request);
		if (!await_answer(fd, request)) {
			lost += under_way;
			under_way = 0;
			continue;
		}
		do {
			answered++;
			under_way--;
		} while (take_answer(fd, request));
	}
	printf("{\"perSecond\":%.0f,\"lost\":%ld}\n",
	       (double)answered * 1e9 / (double)(now_ns() - start), lost);
}

int main(int argc, char **argv)
{
	struct frame request = { 0 };
	int fd;

	if (argc != 6) {
		fprintf(stderr, "arp-client INTERFACE SENDER TARGET latency COUNT | rate SECONDS\n");
		return 2;
	}
	compose(&request, argv[2], argv[3]);
	fd = open_socket(argv[1], &request);
	if (strcmp(argv[4], "latency") == 0)
		measure_latency(fd, &request, atoi(argv[5]));
	else
		measure_rate(fd, &request, atoi(argv[5]));
	close(fd);
	return 0;
}
