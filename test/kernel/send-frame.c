/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: Sends one raw Ethernet frame for each argument in hex. Usage: send-frame INTERFACE HEX... */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static size_t read_hex(const char *text, unsigned char *frame, size_t capacity)
{
	size_t length = 0;

	while (length < capacity && sscanf(text + 2 * length, "%2hhx", &frame[length]) == 1)
		length++;
	return length;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (argc < 3 || fd < 0)
		return 2;
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	for (int i = 2; i < argc; i++) {
		unsigned char frame[1514] = { 0 };
		size_t length = read_hex(argv[i], frame, sizeof(frame));

		if (sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			perror("sendto");
			return 1;
		}
	}
	return 0;
}
