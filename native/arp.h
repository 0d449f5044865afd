/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ARP_H
#define STEELYARD_ARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * DOC: ARP for IPv4 over Ethernet (RFC 826), and nothing else.
 *
 * Pure functions over bytes: no system calls, no allocation. IPv4 addresses
 * are held as the four bytes of the wire, copied into a uint32_t (network
 * order); they are only ever compared.
 */

#define MAC_LENGTH 6

/** Length of the frames that arp_write() makes: the smallest Ethernet frame without its checksum. */
#define ARP_FRAME_LENGTH 60

enum arp_operation {
	ARP_OPERATION_REQUEST = 1,
	ARP_OPERATION_REPLY = 2,
};

/** struct arp_packet - one ARP packet together with its Ethernet header. */
struct arp_packet {
	uint8_t ethernet_destination[MAC_LENGTH];
	uint8_t ethernet_source[MAC_LENGTH];
	uint16_t operation;
	uint8_t sender_mac[MAC_LENGTH];
	uint32_t sender_address;
	uint8_t target_mac[MAC_LENGTH];
	uint32_t target_address;
};

extern const uint8_t mac_broadcast[MAC_LENGTH];
extern const uint8_t mac_zero[MAC_LENGTH];

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

/**
 * arp_write() - build a frame
 * @packet:	what to say
 * @frame:	all ARP_FRAME_LENGTH bytes are written, the padding as zeros
 */
void arp_write(const struct arp_packet *packet, uint8_t frame[ARP_FRAME_LENGTH]);

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

/** mac_equal() - Return: true when both hardware addresses are the same. */
bool mac_equal(const uint8_t a[MAC_LENGTH], const uint8_t b[MAC_LENGTH]);

#endif
