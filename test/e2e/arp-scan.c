/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Asks a LAN who has which of many addresses, with one socket.
 *
 * Usage: arp-scan INTERFACE SENDER-ADDRESS < ADDRESSES
 *
 * Reads one IPv4 address per line, broadcasts an ARP request for each, three
 * times over, and prints a line "ADDRESS MAC" for every reply. Whoever reads
 * that may count: an address without a line has nobody, one with two MACs has
 * two.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PASSES 3
#define ADDRESSES_MAX 65536
#define PAUSE_NS 50000
#define PATIENCE_MS 200

struct frame {
	struct ethhdr ethernet;
	struct ether_arp arp;
	uint8_t padding[18];
} __attribute__((packed));

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void compose(struct frame *request, const char *sender)
{
	memset(request->ethernet.h_dest, 0xff, ETH_ALEN);
	request->ethernet.h_proto = htons(ETH_P_ARP);
	request->arp.arp_hrd = htons(ARPHRD_ETHER);
	request->arp.arp_pro = htons(ETH_P_IP);
	request->arp.arp_hln = ETH_ALEN;
	request->arp.arp_pln = 4;
	request->arp.arp_op = htons(ARPOP_REQUEST);
	if (inet_pton(AF_INET, sender, request->arp.arp_spa) != 1)
		fail("sender address");
}

static int open_socket(const char *interface, struct frame *request)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));
	struct ifreq hardware = { 0 };
	int room = 8 << 20;

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
	/* Replies may come quicker than they are read; more than the limit needs a privilege. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

/* Prints every reply to us that waits. */
static void print_replies(int fd, const struct frame *request)
{
	struct frame frame;

	while (recv(fd, &frame, sizeof(frame), MSG_DONTWAIT) >= (ssize_t)(sizeof(frame) - 18)) {
		const uint8_t *mac = frame.arp.arp_sha;
		char address[INET_ADDRSTRLEN];

		if (frame.arp.arp_op != htons(ARPOP_REPLY) ||
		    memcmp(frame.arp.arp_tha, request->arp.arp_sha, ETH_ALEN) != 0)
			continue;
		inet_ntop(AF_INET, frame.arp.arp_spa, address, sizeof(address));
		printf("%s %02x:%02x:%02x:%02x:%02x:%02x\n", address, mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
	}
}

static size_t read_addresses(struct in_addr *addresses)
{
	char line[64];
	size_t count = 0;

	while (count < ADDRESSES_MAX && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (inet_pton(AF_INET, line, &addresses[count]) != 1)
			fail(line);
		count++;
	}
	return count;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Not until it is silent: others on the LAN may ask all the time. */
static void wait_for_replies(int fd, const struct frame *request)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	long end = now_ms() + PATIENCE_MS;

	for (long left = PATIENCE_MS; left > 0; left = end - now_ms())
		if (poll(&waiting, 1, (int)left) > 0)
			print_replies(fd, request);
}

static void scan(int fd, struct frame *request, const struct in_addr *addresses, size_t count)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };

	for (size_t i = 0; i < count; i++) {
		memcpy(request->arp.arp_tpa, &addresses[i], 4);
		if (send(fd, request, sizeof(*request), 0) < 0)
			fail("send");
		print_replies(fd, request);
		nanosleep(&pause, NULL);
	}
	wait_for_replies(fd, request);
}

int main(int argc, char **argv)
{
	static struct in_addr addresses[ADDRESSES_MAX];
	struct frame request = { 0 };
	size_t count;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "arp-scan INTERFACE SENDER-ADDRESS < ADDRESSES\n");
		return 2;
	}
	compose(&request, argv[2]);
	fd = open_socket(argv[1], &request);
	count = read_addresses(addresses);
	for (int pass = 0; pass < PASSES; pass++)
		scan(fd, &request, addresses, count);
	close(fd);
	return 0;
}
