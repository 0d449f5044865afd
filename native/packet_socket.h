/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_PACKET_SOCKET_H
#define STEELYARD_PACKET_SOCKET_H

#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "arp.h"

/** DOC: AF_PACKET: raw ARP frames of one interface, in and out, many per system call. */

/** Most frames that one call receives or sends. */
#define PACKET_BATCH 32

/** Bytes kept of a received frame; the rest of a longer one is padding to us. */
#define PACKET_SNAP_LENGTH 64

/** struct packet_batch - received frames, and frames to be sent. Set up once, used again and again. */
struct packet_batch {
	struct mmsghdr headers[PACKET_BATCH];
	struct iovec vectors[PACKET_BATCH];
	struct sockaddr_ll senders[PACKET_BATCH];
	uint8_t frames[PACKET_BATCH][PACKET_SNAP_LENGTH];
};

/**
 * packet_socket_probe() - find out whether this process may open packet sockets
 *
 * Return: 0, or a negative error number; -EPERM without CAP_NET_RAW.
 */
int packet_socket_probe(void);

/**
 * packet_socket_open() - open a non-blocking socket for the ARP frames of one interface
 * @ifindex:	the interface
 *
 * From the first frame on, a filter inside the kernel passes only frames sent
 * to this interface or to everybody. That drops what was sent to other hosts
 * (seen in promiscuous mode) and what arrived with the tag of a VLAN that this
 * host is not in, because the kernel marks that as somebody else's; a priority
 * tag (VLAN 0) passes.
 *
 * Return: a file descriptor, which the caller closes, or a negative error number.
 */
int packet_socket_open(int ifindex);

void packet_batch_init(struct packet_batch *batch);

/**
 * packet_socket_receive() - take waiting frames
 *
 * Return: how many frames @batch now holds (0: none waited), or a negative
 * error number; -ENETDOWN when the interface went down.
 */
int packet_socket_receive(int fd, struct packet_batch *batch);

/** packet_batch_length() - Return: how many bytes of frame @i were kept. */
size_t packet_batch_length(const struct packet_batch *batch, int i);

/**
 * packet_batch_arrived_on() - tell whether frame @i entered by the interface itself
 *
 * A socket on a parent device also sees what the kernel passes up to its VLAN
 * children; answering that would put an untagged answer on the wrong segment.
 */
bool packet_batch_arrived_on(const struct packet_batch *batch, int i, int ifindex);

/**
 * packet_socket_send() - send frames, ARP_FRAME_LENGTH bytes each
 * @fd:		socket from packet_socket_open()
 * @batch:	its first @count frames are sent
 * @count:	at most PACKET_BATCH
 *
 * Return: how many were sent; fewer than @count when the interface takes no
 * more. Those are lost: whoever asked will ask again.
 */
int packet_socket_send(int fd, struct packet_batch *batch, int count);

#endif
