/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_NDP_H
#define STEELYARD_NDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "ethernet.h"

/**
 * DOC: Neighbor solicitations and advertisements (RFC 4861) over Ethernet (RFC 2464), and nothing else.
 *
 * Pure functions over bytes: no system calls, no allocation.
 */

/** enum ndp_type - the ICMPv6 types. */
enum ndp_type {
	NDP_SOLICITATION = 135,
	NDP_ADVERTISEMENT = 136,
};

/** struct ndp_packet - one of the two together with its IPv6 and Ethernet headers. */
struct ndp_packet {
	struct ethernet_header ethernet;
	enum ndp_type type;
	struct address source;
	struct address destination;
	struct address target;
	/** Flags of an advertisement; of no meaning in a solicitation. */
	bool router;
	bool solicited;
	bool override;
	/** The option that belongs to the type: the source's or the target's hardware address. */
	bool has_mac;
	uint8_t mac[MAC_LENGTH];
};

extern const struct address address_unspecified;
/** ff02::1, every host on the link. */
extern const struct address address_all_nodes;

/** address_is_group() - Return: true for a multicast address. */
bool address_is_group(const struct address *address);

/** address_solicited_node() - Return: the group in which the owner of an address is asked for (RFC 4291 2.7.1). */
struct address address_solicited_node(const struct address *address);

/** mac_of_group() - the hardware address that frames for a group are sent to (RFC 2464 7). */
void mac_of_group(const struct address *group, uint8_t mac[MAC_LENGTH]);

/**
 * ndp_parse() - read a received frame
 * @frame:	bytes from the Ethernet header on
 * @length:	how many of them there are
 * @packet:	filled in when the result is true
 *
 * Accepts exactly what RFC 4861 7.1.1 and 7.1.2 call valid: hop limit 255, so
 * that it comes from this link; a right checksum; code 0; whole options; a
 * target that is no group; a solicitation without sender only to a
 * solicited-node group and without the sender's hardware address; a solicited
 * advertisement not to a group. Stricter than the standard: no extension header
 * stands before the message (RFC 6980 forbids the only one that was ever seen
 * there), the sender is no group, and hardware addresses are of one host. Bytes
 * after the packet are padding and ignored.
 *
 * Return: true when the frame is such a packet.
 */
bool ndp_parse(const uint8_t *frame, size_t length, struct ndp_packet *packet);

/** ndp_write() - build the frame that says @packet. */
void ndp_write(const struct ndp_packet *packet, struct frame *frame);

/**
 * ndp_unsolicited() - compose the advertisement that tells every host on the link
 * @address:	the address announced; also the sender, so no other address is needed
 * @mac:	where it is now
 * @packet:	filled in
 *
 * It overrides what hosts have, and creates nothing (RFC 4861 7.2.5, 7.2.6).
 */
void ndp_unsolicited(const struct address *address, const uint8_t mac[MAC_LENGTH],
		     struct ndp_packet *packet);

/**
 * ndp_directed() - compose a solicitation that says where an address is to one neighbour
 * @address:	the address announced, as sender
 * @mac:	where it is now
 * @to:		the neighbour's address
 * @to_mac:	its hardware address, or NULL to ask in its solicited-node group
 * @packet:	filled in
 *
 * The neighbour takes over the sender, also into a cache that did not have it.
 */
void ndp_directed(const struct address *address, const uint8_t mac[MAC_LENGTH],
		  const struct address *to, const uint8_t *to_mac, struct ndp_packet *packet);

#endif
