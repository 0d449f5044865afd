/* SPDX-License-Identifier: Apache-2.0 */
#include "responder.h"

#include <string.h>

/* Nothing is asked for, nothing is claimed. */
static void begin(struct responder_verdict *verdict)
{
	verdict->requested = NULL;
	verdict->claimed = NULL;
	verdict->is_sound = false;
}

static struct entry *find_answered(const struct table *table, uint32_t port,
				   const struct address *address)
{
	struct entry *entry = entry_find(table, port, address);

	return entry && entry->answered ? entry : NULL;
}

void responder_decide_arp(const struct table *table, uint32_t port, const uint8_t mac[MAC_LENGTH],
			  const uint8_t *frame, size_t length, struct responder_verdict *verdict)
{
	struct arp_packet *packet = &verdict->arp;

	begin(verdict);
	if (!arp_parse(frame, length, packet) || mac_equal(packet->sender_mac, mac))
		return;
	if (!mac_equal(packet->ethernet.destination, mac_broadcast) &&
	    !mac_equal(packet->ethernet.destination, mac))
		return;
	memcpy(verdict->sender_mac, packet->sender_mac, MAC_LENGTH);
	verdict->tells = packet->operation == ARP_OPERATION_REPLY;
	verdict->sender = address_from_ipv4(packet->sender_address);
	verdict->has = verdict->sender;
	verdict->is_sound = true;
	verdict->claimed = find_answered(table, port, &verdict->has);
	if (packet->operation == ARP_OPERATION_REQUEST) {
		struct address target = address_from_ipv4(packet->target_address);

		verdict->requested = entry_find(table, port, &target);
	}
}

/* Wireless access points may turn a frame for a group into one for each member. */
static bool is_sent_to_us(const struct ndp_packet *packet, const uint8_t mac[MAC_LENGTH])
{
	uint8_t group[MAC_LENGTH];

	if (mac_equal(packet->ethernet.destination, mac))
		return true;
	mac_of_group(&packet->destination, group);
	return address_is_group(&packet->destination) &&
	       mac_equal(packet->ethernet.destination, group);
}

static bool asks_the_owner(const struct ndp_packet *packet)
{
	struct address group = address_solicited_node(&packet->target);

	return packet->type == NDP_SOLICITATION &&
	       (address_equal(&packet->destination, &packet->target) ||
		address_equal(&packet->destination, &group));
}

void responder_decide_ndp(const struct table *table, uint32_t port, const uint8_t mac[MAC_LENGTH],
			  const uint8_t *frame, size_t length, struct responder_verdict *verdict)
{
	struct ndp_packet *packet = &verdict->ndp;
	const uint8_t *sender;

	begin(verdict);
	if (!ndp_parse(frame, length, packet))
		return;
	sender = packet->has_mac ? packet->mac : packet->ethernet.source;
	if (mac_equal(sender, mac) || !is_sent_to_us(packet, mac))
		return;
	memcpy(verdict->sender_mac, sender, MAC_LENGTH);
	verdict->tells = packet->type == NDP_ADVERTISEMENT;
	verdict->sender = packet->source;
	verdict->has = verdict->tells ? packet->target : packet->source;
	verdict->is_sound = true;
	verdict->claimed = find_answered(table, port, &verdict->has);
	if (asks_the_owner(packet))
		verdict->requested = entry_find(table, port, &packet->target);
}

bool responder_has_asker(const struct responder_verdict *verdict)
{
	const struct address *sender = &verdict->sender;

	if (!verdict->requested || verdict->claimed ||
	    address_equal(sender, &verdict->requested->key.address))
		return false;
	return address_is_ipv4(sender) ? address_to_ipv4(sender) != 0 :
					 !address_equal(sender, &address_unspecified);
}

static void reply_arp(const struct arp_packet *request, const uint8_t mac[MAC_LENGTH],
		      struct frame *frame)
{
	struct arp_packet reply = {
		.operation = ARP_OPERATION_REPLY,
		.sender_address = request->target_address,
		.target_address = request->sender_address,
	};

	memcpy(reply.ethernet.destination, request->sender_mac, MAC_LENGTH);
	memcpy(reply.ethernet.source, mac, MAC_LENGTH);
	memcpy(reply.sender_mac, mac, MAC_LENGTH);
	memcpy(reply.target_mac, request->sender_mac, MAC_LENGTH);
	arp_write(&reply, frame);
}

static void reply_ndp(const struct responder_verdict *verdict, const uint8_t mac[MAC_LENGTH],
		      struct frame *frame)
{
	const struct ndp_packet *request = &verdict->ndp;
	struct ndp_packet reply;

	ndp_unsolicited(&request->target, mac, &reply);
	if (!address_equal(&request->source, &address_unspecified)) {
		reply.solicited = true;
		reply.destination = request->source;
		memcpy(reply.ethernet.destination, verdict->sender_mac, MAC_LENGTH);
	}
	ndp_write(&reply, frame);
}

void responder_reply(const struct responder_verdict *verdict, const uint8_t mac[MAC_LENGTH],
		     struct frame *frame)
{
	if (address_is_ipv4(&verdict->requested->key.address))
		reply_arp(&verdict->arp, mac, frame);
	else
		reply_ndp(verdict, mac, frame);
}
