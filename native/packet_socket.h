/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_PACKET_SOCKET_H
#define STEELYARD_PACKET_SOCKET_H

#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ethernet.h"

/** DOC: AF_PACKET: raw frames of one interface, ARP or neighbor discovery, in and out, many per system call. */

/** Most frames that one call receives or sends. */
#define PACKET_BATCH 32

/**
 * Bytes kept of a received frame. The rest of a longer ARP frame is padding to
 * us; a longer solicitation, with a key for RFC 3971 in it, does not happen.
 */
#define PACKET_SNAP_LENGTH 256

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
 * packet_socket_open() - open a non-blocking socket for the frames of one interface
 * @ifindex:	the interface
 * @ethertype:	ETHERTYPE_OF_ARP; or ETHERTYPE_OF_IPV6, of which only neighbor solicitations and
 *		advertisements with hop limit 255 are received
 *
 * From the first frame on, a filter inside the kernel passes only frames sent
 * to this interface or to everybody; of IPv6, to a group, too. That drops what was sent to other hosts
 * (seen in promiscuous mode) and what arrived with the tag of a VLAN that this
 * host is not in, because the kernel marks that as somebody else's; a priority
 * tag (VLAN 0) passes.
 *
 * Return: a file descriptor, which the caller closes, or a negative error number.
 */
int packet_socket_open(int ifindex, uint16_t ethertype);

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

/** packet_batch_put() - make @frame the one at place @i of those to be sent. */
void packet_batch_put(struct packet_batch *batch, int i, const struct frame *frame);

/**
 * packet_socket_send() - send frames
 * @fd:		socket from packet_socket_open()
 * @batch:	its first @count frames are sent
 * @count:	at most PACKET_BATCH
 *
 * Return: how many were sent; fewer than @count when the interface takes no
 * more. Those are lost: whoever asked will ask again.
 */
int packet_socket_send(int fd, struct packet_batch *batch, int count);

#endif
