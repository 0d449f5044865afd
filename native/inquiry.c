/* SPDX-License-Identifier: Apache-2.0 */
#include "inquiry.h"

#include <string.h>

#include "arp.h"
#include "ndp.h"

static void ask_by_arp(const struct address *address, const uint8_t mac[MAC_LENGTH],
		       struct frame *frame)
{
	struct arp_packet packet;

	arp_directed(0, mac, address_to_ipv4(address), mac_broadcast, &packet);
	arp_write(&packet, frame);
}

static void ask_by_ndp(const struct address *address, const uint8_t mac[MAC_LENGTH],
		       struct frame *frame)
{
	struct ndp_packet packet;

	ndp_directed(&address_unspecified, mac, address, NULL, &packet);
	/* RFC 4861 4.3 forbids the option where there is no sender. */
	packet.has_mac = false;
	ndp_write(&packet, frame);
}

void inquiry_write(const struct address *address, const uint8_t mac[MAC_LENGTH],
		   struct frame *frame)
{
	if (address_is_ipv4(address))
		ask_by_arp(address, mac, frame);
	else
		ask_by_ndp(address, mac, frame);
}
