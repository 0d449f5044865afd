/* SPDX-License-Identifier: Apache-2.0 */
#include "ndp.h"

#include <string.h>

#include "check.h"
#include "frames.h"
#include "ndp_frames.h"

static struct address address_of(const uint8_t bytes[16])
{
	struct address address;

	memcpy(address.bytes, bytes, 16);
	return address;
}

/* Parses a copy of the exact size, so that the sanitizer sees one byte too many. */
static bool parse(const uint8_t *frame, size_t length, struct ndp_packet *packet)
{
	uint8_t *copy = malloc(length ? length : 1);
	bool good;

	memcpy(copy, frame, length);
	good = ndp_parse(copy, length, packet);
	free(copy);
	return good;
}

/* Tells whether the solicitation with @length bytes at @offset replaced, and its checksum made right, is good. */
static bool is_good_with(size_t offset, const void *bytes, size_t length)
{
	uint8_t frame[sizeof(solicitation_frame)];
	struct ndp_packet packet;

	memcpy(frame, solicitation_frame, sizeof(frame));
	memcpy(frame + offset, bytes, length);
	put_checksum(frame);
	return parse(frame, sizeof(frame), &packet);
}

static bool is_good_with_byte(size_t offset, int value)
{
	uint8_t byte = (uint8_t)value;

	return is_good_with(offset, &byte, 1);
}

static void reads_every_field(void)
{
	struct ndp_packet packet;

	CHECK(parse(solicitation_frame, sizeof(solicitation_frame), &packet));
	CHECK(packet.type == NDP_SOLICITATION);
	CHECK(memcmp(packet.ethernet.destination, solicitation_frame, 6) == 0);
	CHECK(mac_equal(packet.ethernet.source, their_mac));
	CHECK(memcmp(packet.source.bytes, client_address6, 16) == 0);
	CHECK(memcmp(packet.destination.bytes, solicitation_frame + AT_DESTINATION, 16) == 0);
	CHECK(memcmp(packet.target.bytes, service_address6, 16) == 0);
	CHECK(packet.has_mac && mac_equal(packet.mac, their_mac));

	CHECK(parse(dad_frame, sizeof(dad_frame), &packet));
	CHECK(address_equal(&packet.source, &address_unspecified));
	CHECK(!packet.has_mac);
}

static void refuses_every_truncation_and_ignores_padding(void)
{
	uint8_t longer[sizeof(solicitation_frame) + 5] = { 0 };
	struct ndp_packet packet;

	for (size_t length = 0; length < sizeof(solicitation_frame); length++)
		CHECK(!parse(solicitation_frame, length, &packet));
	memcpy(longer, solicitation_frame, sizeof(solicitation_frame));
	memset(longer + sizeof(solicitation_frame), 0xa5, 5);
	CHECK(parse(longer, sizeof(longer), &packet));
}

static void refuses_every_changed_bit_under_the_checksum(void)
{
	struct ndp_packet packet;

	for (size_t bit = 8 * AT_SOURCE; bit < 8 * sizeof(solicitation_frame); bit++) {
		uint8_t frame[sizeof(solicitation_frame)];

		memcpy(frame, solicitation_frame, sizeof(frame));
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHECK(!parse(frame, sizeof(frame), &packet));
	}
}

static void refuses_what_comes_from_another_link_or_is_nothing_of_the_kind(void)
{
	for (int value = 0; value < 256; value++) {
		CHECK(is_good_with_byte(AT_HOP_LIMIT, value) == (value == 255));
		CHECK(is_good_with_byte(AT_NEXT_HEADER, value) == (value == 58));
		CHECK(is_good_with_byte(AT_VERSION, value) == (value >> 4 == 6));
		CHECK(is_good_with_byte(AT_CODE, value) == (value == 0));
		CHECK(is_good_with_byte(12, value) == (value == 0x86));
		CHECK(is_good_with_byte(13, value) == (value == 0xdd));
		/* The option that it has is none of an advertisement and is skipped there. */
		CHECK(is_good_with_byte(AT_TYPE, value) == (value == 135 || value == 136));
	}
}

static void refuses_groups_where_one_host_must_be(void)
{
	static const uint8_t group[6] = { 0x33, 0x33, 0, 0, 0, 1 };

	CHECK(!is_good_with_byte(AT_SOURCE, 0xff));
	CHECK(!is_good_with_byte(AT_TARGET, 0xff));
	CHECK(!is_good_with(6, group, 6));
	CHECK(!is_good_with(6, mac_zero, 6));
	CHECK(!is_good_with(AT_OPTION + 2, group, 6));
	CHECK(!is_good_with(AT_OPTION + 2, mac_zero, 6));
}

static void refuses_options_that_are_not_whole(void)
{
	CHECK(!is_good_with_byte(AT_OPTION + 1, 0));
	CHECK(!is_good_with_byte(AT_OPTION + 1, 2));
	CHECK(!is_good_with_byte(AT_OPTION + 1, 255));
	/* An unknown option (RFC 7527's nonce) is skipped. */
	CHECK(is_good_with_byte(AT_OPTION, 14));
	/* A payload that ends within an option, or before the options begin, or behind the frame. */
	CHECK(!is_good_with_byte(AT_LENGTH + 1, 0x19));
	CHECK(!is_good_with_byte(AT_LENGTH + 1, 0x1f));
	CHECK(!is_good_with_byte(AT_LENGTH + 1, 0x17));
}

static void refuses_a_payload_longer_than_the_frame(void)
{
	uint8_t frame[sizeof(solicitation_frame)];
	struct ndp_packet packet;

	memcpy(frame, solicitation_frame, sizeof(frame));
	frame[AT_LENGTH + 1] = 0x28;
	CHECK(!parse(frame, sizeof(frame), &packet));
	frame[AT_LENGTH] = 0xff;
	CHECK(!parse(frame, sizeof(frame), &packet));
}

static void refuses_a_nameless_solicitation_with_a_sender(void)
{
	uint8_t frame[sizeof(dad_frame)];
	struct ndp_packet packet;

	/* With the option. */
	CHECK(!is_good_with(AT_SOURCE, address_unspecified.bytes, 16));
	/* To another group, and to one host. */
	memcpy(frame, dad_frame, sizeof(frame));
	memcpy(frame + AT_DESTINATION, address_all_nodes.bytes, 16);
	put_checksum(frame);
	CHECK(!parse(frame, sizeof(frame), &packet));
	memcpy(frame + AT_DESTINATION, service_address6, 16);
	put_checksum(frame);
	CHECK(!parse(frame, sizeof(frame), &packet));
}

static void refuses_a_solicited_advertisement_to_a_group(void)
{
	uint8_t frame[sizeof(solicitation_frame)];
	struct ndp_packet packet;

	memcpy(frame, solicitation_frame, sizeof(frame));
	frame[AT_TYPE] = NDP_ADVERTISEMENT;
	frame[AT_OPTION] = 2;
	frame[AT_FLAGS] = 0xa0;
	put_checksum(frame);
	CHECK(parse(frame, sizeof(frame), &packet));
	CHECK(packet.router && packet.override && !packet.solicited && packet.has_mac);
	frame[AT_FLAGS] = 0x60;
	put_checksum(frame);
	CHECK(!parse(frame, sizeof(frame), &packet));
	memcpy(frame + AT_DESTINATION, client_address6, 16);
	put_checksum(frame);
	CHECK(parse(frame, sizeof(frame), &packet));
	CHECK(!packet.router && packet.override && packet.solicited);
}

static void writes_advertisements_byte_for_byte(void)
{
	static const uint8_t expected[86] = {
		0x33, 0x33, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xdd,
		0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00,
		0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0xff, 0x02, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x88, 0x00,
		0xf9, 0x20, 0x20, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x02,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x02, 0x01, 0x02, 0x00, 0x00, 0x00,
		0x00, 0x01,
	};
	struct address address = address_of(service_address6);
	struct ndp_packet packet;
	struct frame frame;

	memset(&frame, 0xaa, sizeof(frame));
	ndp_unsolicited(&address, our_mac, &packet);
	ndp_write(&packet, &frame);
	CHECK(frame.length == sizeof(expected));
	CHECK(memcmp(frame.bytes, expected, sizeof(expected)) == 0);
}

static void writes_directed_solicitations(void)
{
	struct address address = address_of(service_address6);
	struct address client = address_of(client_address6);
	struct ndp_packet packet;
	struct frame frame;

	ndp_directed(&address, our_mac, &client, their_mac, &packet);
	ndp_write(&packet, &frame);
	CHECK(memcmp(frame.bytes, their_mac, 6) == 0);
	CHECK(ndp_parse(frame.bytes, frame.length, &packet));
	CHECK(packet.type == NDP_SOLICITATION && mac_equal(packet.mac, our_mac));
	CHECK(address_equal(&packet.source, &address) && address_equal(&packet.target, &client));
	CHECK(address_equal(&packet.destination, &client));

	/* Where its hardware address is not known, in its group: ff02::1:ff00:251. */
	ndp_directed(&address, our_mac, &client, NULL, &packet);
	ndp_write(&packet, &frame);
	CHECK(memcmp(frame.bytes, (uint8_t[]){ 0x33, 0x33, 0xff, 0, 0x02, 0x51 }, 6) == 0);
	CHECK(ndp_parse(frame.bytes, frame.length, &packet));
	CHECK(packet.destination.bytes[11] == 1 && packet.destination.bytes[15] == 0x51);
	CHECK(address_is_group(&packet.destination));
}

int main(void)
{
	reads_every_field();
	refuses_every_truncation_and_ignores_padding();
	refuses_every_changed_bit_under_the_checksum();
	refuses_what_comes_from_another_link_or_is_nothing_of_the_kind();
	refuses_groups_where_one_host_must_be();
	refuses_options_that_are_not_whole();
	refuses_a_payload_longer_than_the_frame();
	refuses_a_nameless_solicitation_with_a_sender();
	refuses_a_solicited_advertisement_to_a_group();
	writes_advertisements_byte_for_byte();
	writes_directed_solicitations();
	return 0;
}
