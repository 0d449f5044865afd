/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_RESPONDER_H
#define STEELYARD_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arp.h"
#include "entry.h"
#include "ndp.h"

/** DOC: What a received frame means to us, ARP or neighbor discovery: pure, without system calls. */

/** struct responder_verdict - what one frame is about; it may be both. */
struct responder_verdict {
	/** The address that the frame asks for, answered by us or only watched, or NULL. */
	struct entry *requested;
	/** The address that we answer and that the frame's sender says it has, or NULL. */
	struct entry *claimed;

	/** The frame is a packet from another host; otherwise the rest is of no meaning. */
	bool is_sound;

	/** The address that the sender says it has, ours or not. */
	struct address has;
	/** The sender's addresses; the first is unspecified, in its family, when the sender has none yet. */
	struct address sender;
	uint8_t sender_mac[MAC_LENGTH];
	/** It tells (ARP reply, advertisement) rather than asks (ARP request, solicitation). */
	bool tells;
	/** The packet as read, of the protocol that the port speaks. */
	union {
		struct arp_packet arp;
		struct ndp_packet ndp;
	};
};

/**
 * responder_decide_arp() - judge one received ARP frame
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
void responder_decide_arp(const struct table *table, uint32_t port, const uint8_t mac[MAC_LENGTH],
			  const uint8_t *frame, size_t length, struct responder_verdict *verdict);

/**
 * responder_decide_ndp() - judge one received neighbor discovery frame
 *
 * As responder_decide_arp(). Solicitations to the address itself or to its
 * solicited-node group are answered, with or without the sender's hardware
 * address: by unicast a neighbour makes sure (RFC 4861 7.3), and one without
 * sender is about to take the address (RFC 4862 5.4.3). An advertisement for
 * one of our addresses is a claim, and so is a solicitation that has it as its
 * sender; one without sender only asks.
 */
void responder_decide_ndp(const struct table *table, uint32_t port, const uint8_t mac[MAC_LENGTH],
			  const uint8_t *frame, size_t length, struct responder_verdict *verdict);

/**
 * responder_has_asker() - Return: true if who asked can be told later where the address is
 *
 * A probe has no address to be told at. Who has the address, or says so, knows.
 */
bool responder_has_asker(const struct responder_verdict *verdict);

/** typedef responder_decide - one of the two, for a port that speaks its protocol */
typedef void (*responder_decide)(const struct table *table, uint32_t port,
				 const uint8_t mac[MAC_LENGTH], const uint8_t *frame, size_t length,
				 struct responder_verdict *verdict);

/**
 * responder_reply() - build the answer to a request
 * @verdict:	one that has requested set, to an address that we answer
 * @mac:	hardware address of the port
 * @frame:	written
 *
 * Sent to the hardware address inside the packet, which is the one that asked,
 * and to the Ethernet source, which may be a bridge's, only where none stands
 * inside. Who asks for an IPv6 address without a sender hears with all others
 * on the link that it is taken (RFC 4861 7.2.4).
 */
void responder_reply(const struct responder_verdict *verdict, const uint8_t mac[MAC_LENGTH],
		     struct frame *frame);

#endif
