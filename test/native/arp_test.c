/* SPDX-License-Identifier: Apache-2.0 */
#include "arp.h"

#include <string.h>

#include "check.h"
#include "frames.h"

static void reads_every_field_of_a_request(void)
{
	struct arp_packet packet;

	CHECK(arp_parse(request_frame, sizeof(request_frame), &packet));
	CHECK(mac_equal(packet.ethernet.destination, mac_broadcast));
	CHECK(mac_equal(packet.ethernet.source, their_mac));
	CHECK(packet.operation == ARP_OPERATION_REQUEST);
	CHECK(mac_equal(packet.sender_mac, their_mac));
	CHECK(memcmp(&packet.sender_address, client_address, 4) == 0);
	CHECK(mac_equal(packet.target_mac, mac_zero));
	CHECK(memcmp(&packet.target_address, service_address, 4) == 0);
}

static void refuses_every_truncation(void)
{
	struct arp_packet packet;

	for (size_t length = 0; length < sizeof(request_frame); length++) {
		/* A copy of the exact size, so that the sanitizer sees one byte too many. */
		uint8_t *copy = malloc(length ? length : 1);

		memcpy(copy, request_frame, length);
		CHECK(!arp_parse(copy, length, &packet));
		free(copy);
	}
}

static void refuses_a_changed_byte_in_any_constant(void)
{
	for (size_t offset = 12; offset < 22; offset++) {
		for (int value = 0; value < 256; value++) {
			uint8_t frame[sizeof(request_frame)];
			struct arp_packet packet;
			/* The operation alone has two good values: request and reply. */
			bool good = value == request_frame[offset] || (offset == 21 && value == 2);

			memcpy(frame, request_frame, sizeof(frame));
			frame[offset] = (uint8_t)value;
			CHECK(arp_parse(frame, sizeof(frame), &packet) == good);
		}
	}
}

static void refuses_a_sender_that_is_no_single_host(void)
{
	static const uint8_t senders[][6] = {
		{ 0 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 },
	};

	for (size_t i = 0; i < 3; i++) {
		uint8_t frame[sizeof(request_frame)];
		struct arp_packet packet;

		memcpy(frame, request_frame, sizeof(frame));
		memcpy(frame + 22, senders[i], 6);
		CHECK(!arp_parse(frame, sizeof(frame), &packet));
	}
}

static void writes_gratuitous_frames_byte_for_byte(void)
{
	static const uint8_t head[28] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06,
		0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
	};
	uint8_t expected[ETHERNET_FRAME_MIN] = { 0 };
	struct frame frame;
	struct arp_packet packet;
	uint32_t address;

	memcpy(&address, service_address, 4);
	memcpy(expected, head, sizeof(head));
	memcpy(expected + 28, service_address, 4);
	memcpy(expected + 38, service_address, 4);

	memset(&frame, 0xaa, sizeof(frame));
	arp_gratuitous(ARP_OPERATION_REQUEST, address, our_mac, &packet);
	arp_write(&packet, &frame);
	CHECK(frame.length == sizeof(expected));
	CHECK(memcmp(frame.bytes, expected, sizeof(expected)) == 0);

	expected[21] = ARP_OPERATION_REPLY;
	memcpy(expected + 32, our_mac, 6);
	memset(&frame, 0xaa, sizeof(frame));
	arp_gratuitous(ARP_OPERATION_REPLY, address, our_mac, &packet);
	arp_write(&packet, &frame);
	CHECK(frame.length == sizeof(expected));
	CHECK(memcmp(frame.bytes, expected, sizeof(expected)) == 0);
}

static void writes_directed_requests(void)
{
	struct arp_packet packet, read;
	uint32_t address, client;
	struct frame frame;

	memcpy(&address, service_address, 4);
	memcpy(&client, client_address, 4);
	arp_directed(address, our_mac, client, their_mac, &packet);
	arp_write(&packet, &frame);
	CHECK(arp_parse(frame.bytes, frame.length, &read));
	CHECK(mac_equal(read.ethernet.destination, their_mac));
	CHECK(mac_equal(read.ethernet.source, our_mac));
	CHECK(read.operation == ARP_OPERATION_REQUEST);
	CHECK(mac_equal(read.sender_mac, our_mac) && read.sender_address == address);
	CHECK(mac_equal(read.target_mac, mac_zero) && read.target_address == client);
}

int main(void)
{
	reads_every_field_of_a_request();
	refuses_every_truncation();
	refuses_a_changed_byte_in_any_constant();
	refuses_a_sender_that_is_no_single_host();
	writes_gratuitous_frames_byte_for_byte();
	writes_directed_requests();
	return 0;
}
