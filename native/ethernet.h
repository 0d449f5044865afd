/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ETHERNET_H
#define STEELYARD_ETHERNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** DOC: The fourteen bytes before every packet (RFC 894, RFC 2464), without VLAN tags. */

#define MAC_LENGTH 6
#define ETHERNET_HEADER_LENGTH 14

/** The smallest frame without its checksum; shorter ones are filled up with zeros. */
#define ETHERNET_FRAME_MIN 60

enum {
	ETHERTYPE_OF_ARP = 0x0806,
	ETHERTYPE_OF_IPV6 = 0x86dd,
};

/** struct ethernet_header - who sends to whom. */
struct ethernet_header {
	uint8_t destination[MAC_LENGTH];
	uint8_t source[MAC_LENGTH];
};

/** The longest frame that we send: a neighbor solicitation or advertisement with one option. */
#define FRAME_CAPACITY 86

/** struct frame - bytes to be sent, from the Ethernet header on. */
struct frame {
	size_t length;
	uint8_t bytes[FRAME_CAPACITY];
};

extern const uint8_t mac_broadcast[MAC_LENGTH];
extern const uint8_t mac_zero[MAC_LENGTH];

/** mac_equal() - Return: true when both hardware addresses are the same. */
bool mac_equal(const uint8_t a[MAC_LENGTH], const uint8_t b[MAC_LENGTH]);

/** mac_is_one_host() - Return: true when one host can have it: it is neither zero nor a group. */
bool mac_is_one_host(const uint8_t mac[MAC_LENGTH]);

/**
 * ethernet_parse() - read the header of a received frame
 * @frame:	bytes from the header on
 * @length:	how many of them there are
 * @ethertype:	what the packet must be
 * @header:	filled in when the result is true
 *
 * Return: true when the frame holds such a packet.
 */
bool ethernet_parse(const uint8_t *frame, size_t length, uint16_t ethertype,
		    struct ethernet_header *header);

/** ethernet_write() - write the header's fourteen bytes. */
void ethernet_write(const struct ethernet_header *header, uint16_t ethertype, uint8_t *frame);

/** wire16_read() - Return: the number in two bytes, the higher first. */
static inline uint16_t wire16_read(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/** wire16_write() - write a number as two bytes, the higher first. */
static inline void wire16_write(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

#endif
