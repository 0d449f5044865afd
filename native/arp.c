/* SPDX-License-Identifier: Apache-2.0 */
#include "arp.h"

#include <string.h>

#include "address.h"

/* Where each field stands in the frame (RFC 826). */
enum {
	OFFSET_HARDWARE_TYPE = 14,
	OFFSET_PROTOCOL_TYPE = 16,
	OFFSET_HARDWARE_LENGTH = 18,
	OFFSET_PROTOCOL_LENGTH = 19,
	OFFSET_OPERATION = 20,
	OFFSET_SENDER_MAC = 22,
	OFFSET_SENDER_ADDRESS = 28,
	OFFSET_TARGET_MAC = 32,
	OFFSET_TARGET_ADDRESS = 38,
	PACKET_END = 42,
};

enum {
	HARDWARE_TYPE_ETHERNET = 1,
	PROTOCOL_TYPE_IPV4 = 0x0800,
};

static bool is_ipv4_over_ethernet(const uint8_t *frame)
{
	return wire16_read(frame + OFFSET_HARDWARE_TYPE) == HARDWARE_TYPE_ETHERNET &&
	       wire16_read(frame + OFFSET_PROTOCOL_TYPE) == PROTOCOL_TYPE_IPV4 &&
	       frame[OFFSET_HARDWARE_LENGTH] == MAC_LENGTH &&
	       frame[OFFSET_PROTOCOL_LENGTH] == IPV4_LENGTH;
}

bool arp_parse(const uint8_t *frame, size_t length, struct arp_packet *packet)
{
	if (length < PACKET_END ||
	    !ethernet_parse(frame, length, ETHERTYPE_OF_ARP, &packet->ethernet) ||
	    !is_ipv4_over_ethernet(frame))
		return false;
	packet->operation = wire16_read(frame + OFFSET_OPERATION);
	if (packet->operation != ARP_OPERATION_REQUEST && packet->operation != ARP_OPERATION_REPLY)
		return false;
	memcpy(packet->sender_mac, frame + OFFSET_SENDER_MAC, MAC_LENGTH);
	memcpy(&packet->sender_address, frame + OFFSET_SENDER_ADDRESS, IPV4_LENGTH);
	memcpy(packet->target_mac, frame + OFFSET_TARGET_MAC, MAC_LENGTH);
	memcpy(&packet->target_address, frame + OFFSET_TARGET_ADDRESS, IPV4_LENGTH);
	return mac_is_one_host(packet->sender_mac);
}

void arp_write(const struct arp_packet *packet, struct frame *frame)
{
	uint8_t *bytes = frame->bytes;

	frame->length = ETHERNET_FRAME_MIN;
	memset(bytes, 0, ETHERNET_FRAME_MIN);
	ethernet_write(&packet->ethernet, ETHERTYPE_OF_ARP, bytes);
	wire16_write(bytes + OFFSET_HARDWARE_TYPE, HARDWARE_TYPE_ETHERNET);
	wire16_write(bytes + OFFSET_PROTOCOL_TYPE, PROTOCOL_TYPE_IPV4);
	bytes[OFFSET_HARDWARE_LENGTH] = MAC_LENGTH;
	bytes[OFFSET_PROTOCOL_LENGTH] = IPV4_LENGTH;
	wire16_write(bytes + OFFSET_OPERATION, packet->operation);
	memcpy(bytes + OFFSET_SENDER_MAC, packet->sender_mac, MAC_LENGTH);
	memcpy(bytes + OFFSET_SENDER_ADDRESS, &packet->sender_address, IPV4_LENGTH);
	memcpy(bytes + OFFSET_TARGET_MAC, packet->target_mac, MAC_LENGTH);
	memcpy(bytes + OFFSET_TARGET_ADDRESS, &packet->target_address, IPV4_LENGTH);
}

void arp_gratuitous(enum arp_operation operation, uint32_t address, const uint8_t mac[MAC_LENGTH],
		    struct arp_packet *packet)
{
	const uint8_t *target = operation == ARP_OPERATION_REQUEST ? mac_zero : mac;

	memcpy(packet->ethernet.destination, mac_broadcast, MAC_LENGTH);
	memcpy(packet->ethernet.source, mac, MAC_LENGTH);
	packet->operation = (uint16_t)operation;
	memcpy(packet->sender_mac, mac, MAC_LENGTH);
	packet->sender_address = address;
	memcpy(packet->target_mac, target, MAC_LENGTH);
	packet->target_address = address;
}

void arp_directed(uint32_t address, const uint8_t mac[MAC_LENGTH], uint32_t to,
		  const uint8_t to_mac[MAC_LENGTH], struct arp_packet *packet)
{
	memcpy(packet->ethernet.destination, to_mac, MAC_LENGTH);
	memcpy(packet->ethernet.source, mac, MAC_LENGTH);
	packet->operation = ARP_OPERATION_REQUEST;
	memcpy(packet->sender_mac, mac, MAC_LENGTH);
	packet->sender_address = address;
	memcpy(packet->target_mac, mac_zero, MAC_LENGTH);
	packet->target_address = to;
}
