/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Prints every ARP or ICMPv6 frame at an interface, one line each, until its input ends.
 *
 * A line has < for a frame that arrives or > for one that leaves, the monotonic time in
 * milliseconds, and the frame in hex.
 *
 * Usage: capture-frames INTERFACE arp|icmpv6. Says "ready" on stderr once it listens. For
 * tcpdump does not run as the only user of a user namespace.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* The place of the next header in an IPv6 packet (RFC 8200 3); MLD has its type behind another header. */
static bool is_icmpv6(const unsigned char *frame)
{
	return frame[ETH_HLEN + 6] == IPPROTO_ICMPV6 ||
	       (frame[ETH_HLEN + 6] == IPPROTO_HOPOPTS && frame[ETH_HLEN + 40] == IPPROTO_ICMPV6);
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void print_waiting(int fd, unsigned short protocol)
{
	unsigned char frame[1514] = { 0 };
	struct sockaddr_ll from;
	socklen_t from_length = sizeof(from);
	ssize_t length;

	while ((length = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from,
				  &from_length)) >= 0) {
		from_length = sizeof(from);
		if (from.sll_protocol != htons(protocol) ||
		    (protocol == ETH_P_IPV6 && !is_icmpv6(frame)))
			continue;
		printf("%c %lld ", from.sll_pkttype == PACKET_OUTGOING ? '>' : '<', now_ms());
		for (ssize_t i = 0; i < length; i++)
			printf("%02x", frame[i]);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct pollfd waiting[2] = { { .fd = 0, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	unsigned short protocol;

	if (argc != 3 || fd < 0)
		return 2;
	protocol = strcmp(argv[2], "arp") == 0 ? ETH_P_ARP : ETH_P_IPV6;
	at.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return 2;
	fprintf(stderr, "ready\n");
	while (!waiting[0].revents) {
		poll(waiting, 2, -1);
		print_waiting(fd, protocol);
	}
	return 0;
}
