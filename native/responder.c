/* SPDX-License-Identifier: Apache-2.0 */
#include "responder.h"

#include <string.h>

void responder_decide(const struct table *table, uint32_t port, const uint8_t mac[MAC_LENGTH],
		      const uint8_t *frame, size_t length, struct responder_verdict *verdict)
{
	struct arp_packet *packet = &verdict->packet;

	verdict->requested = NULL;
	verdict->claimed = NULL;
	if (!arp_parse(frame, length, packet) || mac_equal(packet->sender_mac, mac))
		return;
	if (!mac_equal(packet->ethernet_destination, mac_broadcast) &&
	    !mac_equal(packet->ethernet_destination, mac))
		return;
	verdict->claimed = table_find(table, port, packet->sender_address);
	if (packet->operation == ARP_OPERATION_REQUEST)
		verdict->requested = table_find(table, port, packet->target_address);
}

void responder_reply(const struct arp_packet *request, const uint8_t mac[MAC_LENGTH],
		     uint8_t frame[ARP_FRAME_LENGTH])
{
	struct arp_packet reply = {
		.operation = ARP_OPERATION_REPLY,
		.sender_address = request->target_address,
		.target_address = request->sender_address,
	};

	memcpy(reply.ethernet_destination, request->sender_mac, MAC_LENGTH);
	memcpy(reply.ethernet_source, mac, MAC_LENGTH);
	memcpy(reply.sender_mac, mac, MAC_LENGTH);
	memcpy(reply.target_mac, request->sender_mac, MAC_LENGTH);
	arp_write(&reply, frame);
}
