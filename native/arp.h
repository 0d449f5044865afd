/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ARP_H
#define STEELYARD_ARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ethernet.h"

/**
 * DOC: ARP for IPv4 over Ethernet (RFC 826), and nothing else.
 *
 * Pure functions over bytes: no system calls, no allocation. IPv4 addresses
 * are held as the four bytes of the wire, copied into a uint32_t (network
 * order); they are only ever compared.
 */

enum arp_operation {
	ARP_OPERATION_REQUEST = 1,
	ARP_OPERATION_REPLY = 2,
};

/** struct arp_packet - one ARP packet together with its Ethernet header. */
struct arp_packet {
	struct ethernet_header ethernet;
	uint16_t operation;
	uint8_t sender_mac[MAC_LENGTH];
	uint32_t sender_address;
	uint8_t target_mac[MAC_LENGTH];
	uint32_t target_address;
};

/**
 * arp_parse() - read a received frame
 * @frame:	bytes from the Ethernet header on
 * @length:	how many of them there are
 * @packet:	filled in when the result is true
 *
 * Accepts exactly Ethernet (1) / IPv4 (0x0800) with address lengths 6 and 4,
 * operation request or reply, and a sender hardware address that one host can
 * have: neither zero nor a group. An answer to anything else would go to
 * nobody or to everybody. Bytes after the packet are padding and ignored.
 *
 * Return: true when the frame is such a packet.
 */
bool arp_parse(const uint8_t *frame, size_t length, struct arp_packet *packet);

/** arp_write() - build the frame that says @packet, filled up with zeros to ETHERNET_FRAME_MIN. */
void arp_write(const struct arp_packet *packet, struct frame *frame);

/**
 * arp_gratuitous() - compose a gratuitous ARP packet
 * @operation:	the form; some hosts heed only requests, others only replies
 * @address:	the address announced, as sender and as target
 * @mac:	where it is now
 * @packet:	filled in
 *
 * The request form leaves the target hardware address zero (RFC 5227 3); the
 * reply form repeats the sender's (RFC 5944 4.6), without which Linux takes
 * the reply for an ordinary one and ignores it for a second.
 */
void arp_gratuitous(enum arp_operation operation, uint32_t address, const uint8_t mac[MAC_LENGTH],
		    struct arp_packet *packet);

/**
 * arp_directed() - compose a request that says where an address is to one neighbour
 * @address:	the address announced, as sender
 * @mac:	where it is now
 * @to:		the neighbour's address
 * @to_mac:	its hardware address, or mac_broadcast
 * @packet:	filled in
 *
 * It is an ordinary request, which no switch filters as gratuitous. RFC 826 has
 * whoever it asks for take over the sender, also into a cache that did not have
 * it, and everybody else that hears it where they have it.
 */
void arp_directed(uint32_t address, const uint8_t mac[MAC_LENGTH], uint32_t to,
		  const uint8_t to_mac[MAC_LENGTH], struct arp_packet *packet);

#endif
