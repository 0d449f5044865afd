/* SPDX-License-Identifier: Apache-2.0 */
#include "packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Room for a flood of some thousand requests while the thread waits for a processor. */
#define RECEIVE_BUFFER (4 * 1024 * 1024)

static struct sock_filter arp_filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_BROADCAST, 0, 3),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct ethhdr, h_proto)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, PACKET_SNAP_LENGTH),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/*
 * The socket sees every IPv6 frame of the interface, so the test that fails for
 * nearly all of them comes first. Offsets: RFC 8200 3 and RFC 4861 4.3 behind
 * the Ethernet header.
 */
static struct sock_filter ndp_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + offsetof(struct ip6_hdr, ip6_nxt)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 11),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + sizeof(struct ip6_hdr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 8),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + offsetof(struct ip6_hdr, ip6_hlim)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 255, 0, 6),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_MULTICAST, 0, 3),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct ethhdr, h_proto)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, PACKET_SNAP_LENGTH),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int attach_filter(int fd, uint16_t ethertype)
{
	struct sock_fprog arp = { sizeof(arp_filter) / sizeof(arp_filter[0]), arp_filter };
	struct sock_fprog ndp = { sizeof(ndp_filter) / sizeof(ndp_filter[0]), ndp_filter };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER,
			  ethertype == ETHERTYPE_OF_ARP ? &arp : &ndp, sizeof(arp));
}

/* Protocol 0 receives nothing yet, so no frame gets in before the filter is there. */
static int open_silent(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* The forced variant may exceed the system's limit but needs CAP_NET_ADMIN, which a speaker lacks. */
static void enlarge_receive_buffer(int fd)
{
	int size = RECEIVE_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int packet_socket_probe(void)
{
	int fd = open_silent();

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int packet_socket_open(int ifindex, uint16_t ethertype)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ethertype),
		.sll_ifindex = ifindex,
	};
	int fd = open_silent();
	int error;

	if (fd < 0)
		return fd;
	if (attach_filter(fd, ethertype) < 0)
		goto fail;
	enlarge_receive_buffer(fd);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		goto fail;
	return fd;
fail:
	error = -errno;
	close(fd);
	return error;
}

void packet_batch_init(struct packet_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	for (int i = 0; i < PACKET_BATCH; i++) {
		batch->vectors[i].iov_base = batch->frames[i];
		batch->headers[i].msg_hdr.msg_iov = &batch->vectors[i];
		batch->headers[i].msg_hdr.msg_iovlen = 1;
	}
}

int packet_socket_receive(int fd, struct packet_batch *batch)
{
	int received;

	for (int i = 0; i < PACKET_BATCH; i++) {
		batch->vectors[i].iov_len = PACKET_SNAP_LENGTH;
		batch->headers[i].msg_hdr.msg_name = &batch->senders[i];
		batch->headers[i].msg_hdr.msg_namelen = sizeof(batch->senders[i]);
	}
	received = recvmmsg(fd, batch->headers, PACKET_BATCH, MSG_DONTWAIT, NULL);
	if (received >= 0)
		return received;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

size_t packet_batch_length(const struct packet_batch *batch, int i)
{
	return batch->headers[i].msg_len;
}

bool packet_batch_arrived_on(const struct packet_batch *batch, int i, int ifindex)
{
	return batch->senders[i].sll_ifindex == ifindex;
}

void packet_batch_put(struct packet_batch *batch, int i, const struct frame *frame)
{
	memcpy(batch->frames[i], frame->bytes, frame->length);
	batch->vectors[i].iov_len = frame->length;
}

int packet_socket_send(int fd, struct packet_batch *batch, int count)
{
	int sent = 0;

	for (int i = 0; i < count; i++) {
		batch->headers[i].msg_hdr.msg_name = NULL;
		batch->headers[i].msg_hdr.msg_namelen = 0;
	}
	if (count > 0)
		sent = sendmmsg(fd, batch->headers, (unsigned int)count, MSG_DONTWAIT);
	return sent < 0 ? 0 : sent;
}
