/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_RESPONDER_H
#define STEELYARD_RESPONDER_H

#include <stddef.h>
#include <stdint.h>

#include "arp.h"
#include "table.h"

/**
 * DOC: What a received frame means to us: pure, without system calls.
 *
 * ARP only so far; neighbor discovery gets a decision function beside this one.
 */

/** struct responder_verdict - what to do about one frame; both may be asked for. */
struct responder_verdict {
	/** The packet as read; of no meaning when both entries below are NULL. */
	struct arp_packet packet;
	/** The address that the frame asks for and that must be answered, or NULL. */
	struct entry *requested;
	/** The address of ours that the frame's sender says it has, or NULL. */
	struct entry *claimed;
};

/**
 * responder_decide() - judge one received frame
 * @table:	the addresses that are ours
 * @port:	where the frame arrived
 * @mac:	hardware address of that port
 * @frame:	bytes from the Ethernet header on, without VLAN tag
 * @length:	how many of them there are
 * @verdict:	filled in, whatever the frame holds
 *
 * Requests sent to everybody or to us are answered, whoever asks: a sender
 * address of zero is a probe (RFC 5227 2.1.1), a unicast request is a
 * neighbour making sure (RFC 1122 2.3.2.1), and a sender in a foreign subnet
 * is a neighbour with another netmask. Replies are never answered.
 *
 * A sender that gives one of our addresses as its own is a claim (RFC 5227
 * 2.4), unless its hardware address is @mac. The caller must rule out its
 * other interfaces.
 */
void responder_decide(const struct table *table, uint32_t port, const uint8_t mac[MAC_LENGTH],
		      const uint8_t *frame, size_t length, struct responder_verdict *verdict);

/**
 * responder_reply() - build the answer to a request
 * @request:	the packet of a verdict that has requested set
 * @mac:	hardware address of the port
 * @frame:	written
 *
 * Sent to the hardware address inside the packet, which is the one that asked,
 * not to the Ethernet source, which may be a bridge's.
 */
void responder_reply(const struct arp_packet *request, const uint8_t mac[MAC_LENGTH],
		     uint8_t frame[ARP_FRAME_LENGTH]);

#endif
