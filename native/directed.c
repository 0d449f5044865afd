/* SPDX-License-Identifier: Apache-2.0 */
#include "directed.h"

#include <string.h>
#include <sys/socket.h>

#include "arp.h"
#include "ndp.h"

static bool is_link_local(const struct address *address)
{
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

/* Compares the first @bits of two addresses of a family. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 &&
	       (rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0);
}

static bool is_on_link(const struct interface *interface, const struct address *address)
{
	uint8_t family = address_is_ipv4(address) ? AF_INET : AF_INET6;
	const uint8_t *bytes = address->bytes + (family == AF_INET ? 12 : 0);

	if (is_link_local(address))
		return true;
	for (size_t i = 0; i < interface->address_count; i++) {
		const struct interface_address *own = &interface->addresses[i];

		if (own->family == family && same_prefix(own->bytes, bytes, own->prefix_length))
			return true;
	}
	return false;
}

static void write_one(const struct address *address, const uint8_t mac[MAC_LENGTH],
		      const struct address *to, const uint8_t *to_mac, struct frame *frame)
{
	struct arp_packet arp;
	struct ndp_packet ndp;

	if (address_is_ipv4(address)) {
		arp_directed(address_to_ipv4(address), mac, address_to_ipv4(to),
			     to_mac ? to_mac : mac_broadcast, &arp);
		arp_write(&arp, frame);
	} else {
		ndp_directed(address, mac, to, to_mac, &ndp);
		ndp_write(&ndp, frame);
	}
}

int directed_write(const struct address *address, const uint8_t mac[MAC_LENGTH],
		   const struct gateways *gateways, const struct interface *interface,
		   const struct requesters *requesters, struct frame frames[DIRECTED_FRAMES])
{
	int count = 0;

	for (size_t i = 0; i < gateways->count && count < GATEWAYS_MAX; i++) {
		const struct address *gateway = &gateways->addresses[i];

		if (address_is_ipv4(gateway) == address_is_ipv4(address) &&
		    is_on_link(interface, gateway))
			write_one(address, mac, gateway, NULL, &frames[count++]);
	}
	for (const struct requester *item = requesters->newest; item; item = item->older)
		write_one(address, mac, &item->address, item->mac, &frames[count++]);
	return count;
}
