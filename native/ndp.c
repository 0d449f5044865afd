/* SPDX-License-Identifier: Apache-2.0 */
#include "ndp.h"

#include <string.h>

/* Where each field stands in the frame: RFC 8200 3, then RFC 4861 4.3 and 4.4. */
enum {
	OFFSET_VERSION = 14,
	OFFSET_PAYLOAD_LENGTH = 18,
	OFFSET_NEXT_HEADER = 20,
	OFFSET_HOP_LIMIT = 21,
	OFFSET_SOURCE = 22,
	OFFSET_DESTINATION = 38,
	OFFSET_MESSAGE = 54,
	OFFSET_TYPE = 54,
	OFFSET_CODE = 55,
	OFFSET_CHECKSUM = 56,
	OFFSET_FLAGS = 58,
	OFFSET_TARGET = 62,
	OFFSET_OPTIONS = 78,
};

enum {
	IP_VERSION = 6,
	NEXT_HEADER_ICMPV6 = 58,
	HOP_LIMIT_OF_THIS_LINK = 255,
	MESSAGE_LENGTH_MIN = OFFSET_OPTIONS - OFFSET_MESSAGE,
	FLAG_ROUTER = 0x80,
	FLAG_SOLICITED = 0x40,
	FLAG_OVERRIDE = 0x20,
	OPTION_SOURCE_MAC = 1,
	OPTION_TARGET_MAC = 2,
	/* Lengths of options are counted in eight bytes; six are left for the hardware address. */
	OPTION_UNIT = 8,
	OPTION_HEADER_LENGTH = 2,
};

const struct address address_unspecified = { { 0 } };
const struct address address_all_nodes = { { 0xff, 0x02, [15] = 0x01 } };

bool address_is_group(const struct address *address)
{
	return address->bytes[0] == 0xff;
}

struct address address_solicited_node(const struct address *address)
{
	struct address group = { { 0xff, 0x02, [11] = 0x01, 0xff } };

	memcpy(group.bytes + 13, address->bytes + 13, 3);
	return group;
}

void mac_of_group(const struct address *group, uint8_t mac[MAC_LENGTH])
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	memcpy(mac + 2, group->bytes + 12, 4);
}

/* The one's complement sum (RFC 1071) of the pseudo-header (RFC 8200 8.1) and the message; 0xffff when the checksum is right. */
static uint16_t sum_of(const uint8_t *frame, size_t message_length)
{
	uint32_t sum = NEXT_HEADER_ICMPV6 + (uint32_t)message_length;
	/* Source, destination and message follow each other in the frame. */
	const uint8_t *bytes = frame + OFFSET_SOURCE;
	size_t length = 2 * ADDRESS_LENGTH + message_length;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += wire16_read(bytes + i);
	if (length % 2)
		sum += (uint32_t)bytes[length - 1] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Return: the length of a message that fits RFC 8200 and the frame, or 0. */
static size_t message_length(const uint8_t *frame, size_t length)
{
	size_t message;

	if (length < OFFSET_OPTIONS || frame[OFFSET_VERSION] >> 4 != IP_VERSION ||
	    frame[OFFSET_NEXT_HEADER] != NEXT_HEADER_ICMPV6 ||
	    frame[OFFSET_HOP_LIMIT] != HOP_LIMIT_OF_THIS_LINK)
		return 0;
	message = wire16_read(frame + OFFSET_PAYLOAD_LENGTH);
	return message >= MESSAGE_LENGTH_MIN && message <= length - OFFSET_MESSAGE ? message : 0;
}

static bool read_mac_option(struct ndp_packet *packet, const uint8_t *option, size_t length)
{
	if (length != OPTION_UNIT || !mac_is_one_host(option + OPTION_HEADER_LENGTH))
		return false;
	packet->has_mac = true;
	memcpy(packet->mac, option + OPTION_HEADER_LENGTH, MAC_LENGTH);
	return true;
}

static bool read_options(struct ndp_packet *packet, const uint8_t *options, size_t length)
{
	uint8_t wanted = packet->type == NDP_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;

	packet->has_mac = false;
	while (length > 0) {
		size_t this_one = length < OPTION_HEADER_LENGTH ? 0 : options[1] * OPTION_UNIT;

		if (this_one == 0 || this_one > length)
			return false;
		if (options[0] == wanted && !read_mac_option(packet, options, this_one))
			return false;
		options += this_one;
		length -= this_one;
	}
	return true;
}

static bool is_solicited_node_group(const struct address *address)
{
	struct address group = address_solicited_node(address);

	return address_equal(address, &group);
}

/* What the two kinds must be beyond their form. */
static bool makes_sense(const struct ndp_packet *packet)
{
	if (address_is_group(&packet->target) || address_is_group(&packet->source))
		return false;
	if (packet->type == NDP_ADVERTISEMENT)
		return !(packet->solicited && address_is_group(&packet->destination));
	return !address_equal(&packet->source, &address_unspecified) ||
	       (!packet->has_mac && is_solicited_node_group(&packet->destination));
}

bool ndp_parse(const uint8_t *frame, size_t length, struct ndp_packet *packet)
{
	size_t message = message_length(frame, length);

	if (message == 0 ||
	    !ethernet_parse(frame, length, ETHERTYPE_OF_IPV6, &packet->ethernet) ||
	    !mac_is_one_host(packet->ethernet.source))
		return false;
	if ((frame[OFFSET_TYPE] != NDP_SOLICITATION && frame[OFFSET_TYPE] != NDP_ADVERTISEMENT) ||
	    frame[OFFSET_CODE] != 0 || sum_of(frame, message) != 0xffff)
		return false;
	packet->type = frame[OFFSET_TYPE];
	memcpy(packet->source.bytes, frame + OFFSET_SOURCE, ADDRESS_LENGTH);
	memcpy(packet->destination.bytes, frame + OFFSET_DESTINATION, ADDRESS_LENGTH);
	memcpy(packet->target.bytes, frame + OFFSET_TARGET, ADDRESS_LENGTH);
	packet->router = frame[OFFSET_FLAGS] & FLAG_ROUTER;
	packet->solicited = frame[OFFSET_FLAGS] & FLAG_SOLICITED;
	packet->override = frame[OFFSET_FLAGS] & FLAG_OVERRIDE;
	return read_options(packet, frame + OFFSET_OPTIONS, message - MESSAGE_LENGTH_MIN) &&
	       makes_sense(packet);
}

static uint8_t flags_of(const struct ndp_packet *packet)
{
	return (uint8_t)((packet->router ? FLAG_ROUTER : 0) |
			 (packet->solicited ? FLAG_SOLICITED : 0) |
			 (packet->override ? FLAG_OVERRIDE : 0));
}

void ndp_write(const struct ndp_packet *packet, struct frame *frame)
{
	size_t message = MESSAGE_LENGTH_MIN + (packet->has_mac ? OPTION_UNIT : 0);
	bool asks = packet->type == NDP_SOLICITATION;
	uint8_t *bytes = frame->bytes;

	memset(frame, 0, sizeof(*frame));
	frame->length = OFFSET_MESSAGE + message;
	ethernet_write(&packet->ethernet, ETHERTYPE_OF_IPV6, bytes);
	bytes[OFFSET_VERSION] = IP_VERSION << 4;
	wire16_write(bytes + OFFSET_PAYLOAD_LENGTH, (uint16_t)message);
	bytes[OFFSET_NEXT_HEADER] = NEXT_HEADER_ICMPV6;
	bytes[OFFSET_HOP_LIMIT] = HOP_LIMIT_OF_THIS_LINK;
	memcpy(bytes + OFFSET_SOURCE, packet->source.bytes, ADDRESS_LENGTH);
	memcpy(bytes + OFFSET_DESTINATION, packet->destination.bytes, ADDRESS_LENGTH);
	bytes[OFFSET_TYPE] = (uint8_t)packet->type;
	bytes[OFFSET_FLAGS] = asks ? 0 : flags_of(packet);
	memcpy(bytes + OFFSET_TARGET, packet->target.bytes, ADDRESS_LENGTH);
	if (packet->has_mac) {
		bytes[OFFSET_OPTIONS] = asks ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
		bytes[OFFSET_OPTIONS + 1] = 1;
		memcpy(bytes + OFFSET_OPTIONS + OPTION_HEADER_LENGTH, packet->mac, MAC_LENGTH);
	}
	wire16_write(bytes + OFFSET_CHECKSUM, (uint16_t)~sum_of(bytes, message));
}

/* What every packet about an address of ours has in common. */
static void compose(enum ndp_type type, const struct address *source,
		    const struct address *destination, const uint8_t mac[MAC_LENGTH],
		    struct ndp_packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	packet->type = type;
	packet->source = *source;
	packet->destination = *destination;
	memcpy(packet->ethernet.source, mac, MAC_LENGTH);
	packet->has_mac = true;
	memcpy(packet->mac, mac, MAC_LENGTH);
}

void ndp_unsolicited(const struct address *address, const uint8_t mac[MAC_LENGTH],
		     struct ndp_packet *packet)
{
	compose(NDP_ADVERTISEMENT, address, &address_all_nodes, mac, packet);
	mac_of_group(&address_all_nodes, packet->ethernet.destination);
	packet->target = *address;
	packet->override = true;
}

void ndp_directed(const struct address *address, const uint8_t mac[MAC_LENGTH],
		  const struct address *to, const uint8_t *to_mac, struct ndp_packet *packet)
{
	struct address group = address_solicited_node(to);

	compose(NDP_SOLICITATION, address, to_mac ? to : &group, mac, packet);
	if (to_mac)
		memcpy(packet->ethernet.destination, to_mac, MAC_LENGTH);
	else
		mac_of_group(&group, packet->ethernet.destination);
	packet->target = *to;
}
