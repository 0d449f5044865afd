/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Prints every ARP frame that arrives at an interface, one line of hex each, until its input ends.
 *
 * Usage: capture-frames INTERFACE. Says "ready" on stderr once it listens. For
 * tcpdump does not run as the only user of a user namespace.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static void print_waiting(int fd)
{
	unsigned char frame[1514];
	struct sockaddr_ll from;
	socklen_t from_length = sizeof(from);
	ssize_t length;

	while ((length = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from,
				  &from_length)) >= 0) {
		from_length = sizeof(from);
		if (from.sll_pkttype == PACKET_OUTGOING || from.sll_protocol != htons(ETH_P_ARP))
			continue;
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

	if (argc != 2 || fd < 0)
		return 2;
	at.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return 2;
	fprintf(stderr, "ready\n");
	while (!waiting[0].revents) {
		poll(waiting, 2, -1);
		print_waiting(fd);
	}
	return 0;
}
