/* SPDX-License-Identifier: Apache-2.0 */
#include "arp.h"

#include <string.h>

/* Where each field stands in the frame: RFC 894 for the first three, RFC 826 for the others. */
enum {
	OFFSET_DESTINATION = 0,
	OFFSET_SOURCE = 6,
	OFFSET_ETHERTYPE = 12,
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
	ETHERTYPE_ARP_PACKET = 0x0806,
	HARDWARE_TYPE_ETHERNET = 1,
	PROTOCOL_TYPE_IPV4 = 0x0800,
	ADDRESS_LENGTH = 4,
	GROUP_BIT = 1,
};

const uint8_t mac_broadcast[MAC_LENGTH] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
const uint8_t mac_zero[MAC_LENGTH] = { 0 };

static uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void write16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

bool mac_equal(const uint8_t a[MAC_LENGTH], const uint8_t b[MAC_LENGTH])
{
	return memcmp(a, b, MAC_LENGTH) == 0;
}

static bool is_one_host(const uint8_t mac[MAC_LENGTH])
{
	return !(mac[0] & GROUP_BIT) && !mac_equal(mac, mac_zero);
}

static bool is_ipv4_over_ethernet(const uint8_t *frame)
{
	return read16(frame + OFFSET_ETHERTYPE) == ETHERTYPE_ARP_PACKET &&
	       read16(frame + OFFSET_HARDWARE_TYPE) == HARDWARE_TYPE_ETHERNET &&
	       read16(frame + OFFSET_PROTOCOL_TYPE) == PROTOCOL_TYPE_IPV4 &&
	       frame[OFFSET_HARDWARE_LENGTH] == MAC_LENGTH &&
	       frame[OFFSET_PROTOCOL_LENGTH] == ADDRESS_LENGTH;
}

bool arp_parse(const uint8_t *frame, size_t length, struct arp_packet *packet)
{
	if (length < PACKET_END || !is_ipv4_over_ethernet(frame))
		return false;
	packet->operation = read16(frame + OFFSET_OPERATION);
	if (packet->operation != ARP_OPERATION_REQUEST && packet->operation != ARP_OPERATION_REPLY)
		return false;
	memcpy(packet->ethernet_destination, frame + OFFSET_DESTINATION, MAC_LENGTH);
	memcpy(packet->ethernet_source, frame + OFFSET_SOURCE, MAC_LENGTH);
	memcpy(packet->sender_mac, frame + OFFSET_SENDER_MAC, MAC_LENGTH);
	memcpy(&packet->sender_address, frame + OFFSET_SENDER_ADDRESS, ADDRESS_LENGTH);
	memcpy(packet->target_mac, frame + OFFSET_TARGET_MAC, MAC_LENGTH);
	memcpy(&packet->target_address, frame + OFFSET_TARGET_ADDRESS, ADDRESS_LENGTH);
	return is_one_host(packet->sender_mac);
}

void arp_write(const struct arp_packet *packet, uint8_t frame[ARP_FRAME_LENGTH])
{
	memset(frame, 0, ARP_FRAME_LENGTH);
	memcpy(frame + OFFSET_DESTINATION, packet->ethernet_destination, MAC_LENGTH);
	memcpy(frame + OFFSET_SOURCE, packet->ethernet_source, MAC_LENGTH);
	write16(frame + OFFSET_ETHERTYPE, ETHERTYPE_ARP_PACKET);
	write16(frame + OFFSET_HARDWARE_TYPE, HARDWARE_TYPE_ETHERNET);
	write16(frame + OFFSET_PROTOCOL_TYPE, PROTOCOL_TYPE_IPV4);
	frame[OFFSET_HARDWARE_LENGTH] = MAC_LENGTH;
	frame[OFFSET_PROTOCOL_LENGTH] = ADDRESS_LENGTH;
	write16(frame + OFFSET_OPERATION, packet->operation);
	memcpy(frame + OFFSET_SENDER_MAC, packet->sender_mac, MAC_LENGTH);
	memcpy(frame + OFFSET_SENDER_ADDRESS, &packet->sender_address, ADDRESS_LENGTH);
	memcpy(frame + OFFSET_TARGET_MAC, packet->target_mac, MAC_LENGTH);
	memcpy(frame + OFFSET_TARGET_ADDRESS, &packet->target_address, ADDRESS_LENGTH);
}

void arp_gratuitous(enum arp_operation operation, uint32_t address, const uint8_t mac[MAC_LENGTH],
		    struct arp_packet *packet)
{
	const uint8_t *target = operation == ARP_OPERATION_REQUEST ? mac_zero : mac;

	memcpy(packet->ethernet_destination, mac_broadcast, MAC_LENGTH);
	memcpy(packet->ethernet_source, mac, MAC_LENGTH);
	packet->operation = (uint16_t)operation;
	memcpy(packet->sender_mac, mac, MAC_LENGTH);
	packet->sender_address = address;
	memcpy(packet->target_mac, target, MAC_LENGTH);
	packet->target_address = address;
}
