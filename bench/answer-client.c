/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Measures how fast ARP requests or neighbor solicitations are answered.
 *
 * Usage: answer-client INTERFACE SENDER-ADDRESS TARGET-ADDRESS latency COUNT
 *        answer-client INTERFACE SENDER-ADDRESS TARGET-ADDRESS rate SECONDS
 *
 * latency: one request at a time, 200 us apart; prints p50, p99 and p99.9 in
 * microseconds, and how many were not answered within 100 ms. rate: 64 requests
 * under way; prints answers a second. Both print one JSON object.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
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

#include "arp.h"
#include "ndp.h"

#define WINDOW 64
#define PAUSE_NS 200000
#define PATIENCE_MS 100

/* What is asked, and by what its answer is known. */
struct request {
	struct address sender;
	struct address target;
	uint8_t mac[MAC_LENGTH];
	struct frame frame;
};

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

static int open_socket(const char *interface, struct request *request)
{
	uint16_t ethertype =
		address_is_ipv4(&request->target) ? ETHERTYPE_OF_ARP : ETHERTYPE_OF_IPV6;
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ethertype) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ethertype));
	struct ifreq hardware = { 0 };

	if (fd < 0)
		fail("socket");
	at.sll_ifindex = (int)if_nametoindex(interface);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("bind");
	strncpy(hardware.ifr_name, interface, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &hardware) < 0)
		fail("SIOCGIFHWADDR");
	memcpy(request->mac, hardware.ifr_hwaddr.sa_data, MAC_LENGTH);
	return fd;
}

static struct address read_address(const char *text)
{
	struct address address;
	uint32_t ipv4;

	if (inet_pton(AF_INET, text, &ipv4) == 1)
		return address_from_ipv4(ipv4);
	if (inet_pton(AF_INET6, text, address.bytes) != 1)
		fail("address");
	return address;
}

static void compose(struct request *request)
{
	struct arp_packet arp;
	struct ndp_packet ndp;

	if (address_is_ipv4(&request->target)) {
		arp_directed(address_to_ipv4(&request->sender), request->mac,
			     address_to_ipv4(&request->target), mac_broadcast, &arp);
		arp_write(&arp, &request->frame);
	} else {
		ndp_directed(&request->sender, request->mac, &request->target, NULL, &ndp);
		ndp_write(&ndp, &request->frame);
	}
}

static void ask(int fd, const struct request *request)
{
	if (send(fd, request->frame.bytes, request->frame.length, 0) < 0)
		fail("send");
}

static bool is_answer(const uint8_t *bytes, size_t length, const struct request *request)
{
	struct arp_packet arp;
	struct ndp_packet ndp;

	if (address_is_ipv4(&request->target))
		return arp_parse(bytes, length, &arp) && arp.operation == ARP_OPERATION_REPLY &&
		       arp.sender_address == address_to_ipv4(&request->target);
	return ndp_parse(bytes, length, &ndp) && ndp.type == NDP_ADVERTISEMENT &&
	       address_equal(&ndp.target, &request->target);
}

/* Takes one waiting frame. Return: true when it is the answer. */
static bool take_answer(int fd, const struct request *request)
{
	uint8_t bytes[256];
	ssize_t length = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	return length > 0 && is_answer(bytes, (size_t)length, request);
}

static bool await_answer(int fd, const struct request *request)
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

static void measure_latency(int fd, const struct request *request, int count)
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

static void measure_rate(int fd, const struct request *request, int seconds)
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
	struct request request = { 0 };
	int fd;

	if (argc != 6) {
		fprintf(stderr, "answer-client INTERFACE SENDER TARGET latency COUNT | rate SECONDS\n");
		return 2;
	}
	request.sender = read_address(argv[2]);
	request.target = read_address(argv[3]);
	fd = open_socket(argv[1], &request);
	compose(&request);
	if (strcmp(argv[4], "latency") == 0)
		measure_latency(fd, &request, atoi(argv[5]));
	else
		measure_rate(fd, &request, atoi(argv[5]));
	close(fd);
	return 0;
}
