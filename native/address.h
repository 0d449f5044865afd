/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ADDRESS_H
#define STEELYARD_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/**
 * DOC: IP addresses of both families as one type.
 *
 * An IPv4 address is held as the IPv6 address that it maps to (RFC 4291
 * 2.5.5.2). No host has such an IPv6 address on the wire, so the two never
 * meet; whoever hands addresses in must keep it so.
 */

#define ADDRESS_LENGTH 16
#define IPV4_LENGTH 4

/** struct address - sixteen bytes in network order. */
struct address {
	uint8_t bytes[ADDRESS_LENGTH];
};

/** address_from_ipv4() - Return: the address whose four bytes of the wire are in @ipv4. */
static inline struct address address_from_ipv4(uint32_t ipv4)
{
	struct address address = { { [10] = 0xff, [11] = 0xff } };

	memcpy(address.bytes + 12, &ipv4, IPV4_LENGTH);
	return address;
}

/** address_is_ipv4() - Return: true when it is an IPv4 address. */
static inline bool address_is_ipv4(const struct address *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

/** address_to_ipv4() - Return: the four bytes of the wire; of no meaning for an IPv6 address. */
static inline uint32_t address_to_ipv4(const struct address *address)
{
	uint32_t ipv4;

	memcpy(&ipv4, address->bytes + 12, IPV4_LENGTH);
	return ipv4;
}

/** address_equal() - Return: true when both are the same. */
static inline bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, ADDRESS_LENGTH) == 0;
}

#endif
