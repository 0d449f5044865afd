/* SPDX-License-Identifier: Apache-2.0 */
#include "announcement.h"

#include "arp.h"
#include "ndp.h"

static int announce_by_arp(uint32_t address, const uint8_t mac[MAC_LENGTH], struct frame *frames)
{
	struct arp_packet packet;

	arp_gratuitous(ARP_OPERATION_REQUEST, address, mac, &packet);
	arp_write(&packet, &frames[0]);
	arp_gratuitous(ARP_OPERATION_REPLY, address, mac, &packet);
	arp_write(&packet, &frames[1]);
	return 2;
}

int announcement_write(const struct address *address, const uint8_t mac[MAC_LENGTH],
		       struct frame frames[ANNOUNCEMENT_FRAMES])
{
	struct ndp_packet packet;

	if (address_is_ipv4(address))
		return announce_by_arp(address_to_ipv4(address), mac, frames);
	ndp_unsolicited(address, mac, &packet);
	ndp_write(&packet, &frames[0]);
	return 1;
}
