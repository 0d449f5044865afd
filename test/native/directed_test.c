/* SPDX-License-Identifier: Apache-2.0 */
#include "directed.h"

#include <string.h>
#include <sys/socket.h>

#include "arp.h"
#include "check.h"
#include "frames.h"
#include "ndp.h"
#include "ndp_frames.h"

static struct requester_pool pool;

static struct address ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	uint8_t bytes[4] = { a, b, c, d };
	uint32_t wire;

	memcpy(&wire, bytes, 4);
	return address_from_ipv4(wire);
}

static struct address ipv6(const uint8_t bytes[16])
{
	struct address address;

	memcpy(address.bytes, bytes, 16);
	return address;
}

/* Notes the client 10.0.x.y that asks from 02:00:00:00:xx:yy. */
static void note(struct requesters *requesters, int number)
{
	struct address address = ipv4(10, 0, (uint8_t)(number >> 8), (uint8_t)number);
	uint8_t mac[6] = { 2, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number };

	requesters_note(&pool, requesters, &address, mac);
}

static int number_of(const struct requester *requester)
{
	return requester->address.bytes[14] << 8 | requester->address.bytes[15];
}

static void the_latest_come_first_and_each_once(void)
{
	struct requesters of = { 0 };

	for (int i = 1; i <= 3; i++)
		note(&of, i);
	note(&of, 1);
	CHECK(of.count == 3);
	CHECK(number_of(of.newest) == 1 && number_of(of.newest->older) == 3);
	CHECK(number_of(of.oldest) == 2);
	requesters_forget(&pool, &of);
	CHECK(of.count == 0 && !of.newest && !of.oldest);
}

static void a_new_hardware_address_replaces_the_old(void)
{
	struct address client = ipv4(192, 0, 2, 251);
	struct requesters of = { 0 };

	requesters_note(&pool, &of, &client, their_mac);
	requesters_note(&pool, &of, &client, our_mac);
	CHECK(of.count == 1 && mac_equal(of.newest->mac, our_mac));
	requesters_forget(&pool, &of);
}

static void one_address_remembers_its_last_thirty(void)
{
	struct requesters of = { 0 };

	for (int i = 1; i <= 2 * REQUESTERS_PER_ADDRESS; i++)
		note(&of, i);
	CHECK(of.count == REQUESTERS_PER_ADDRESS);
	CHECK(number_of(of.newest) == 2 * REQUESTERS_PER_ADDRESS);
	CHECK(number_of(of.oldest) == REQUESTERS_PER_ADDRESS + 1);
	requesters_forget(&pool, &of);
}

/* Whoever asked longest ago makes room, whatever was asked for. */
static void all_together_fit_the_pool(void)
{
	static struct requesters many[REQUESTERS_MAX / REQUESTERS_PER_ADDRESS + 2];
	size_t count = sizeof(many) / sizeof(many[0]);
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		for (int k = 0; k < REQUESTERS_PER_ADDRESS; k++)
			note(&many[i], k);
	for (size_t i = 0; i < count; i++)
		total += many[i].count;
	CHECK(total == REQUESTERS_MAX);
	CHECK(many[0].count == 0 && many[count - 1].count == REQUESTERS_PER_ADDRESS);
	for (size_t i = 0; i < count; i++)
		requesters_forget(&pool, &many[i]);
	CHECK(!pool.newest && !pool.oldest);
	note(&many[0], 1);
	CHECK(many[0].count == 1);
	requesters_forget(&pool, &many[0]);
}

static const struct gateways gateways = {
	.count = 4,
	.addresses = {
		{ { [10] = 0xff, 0xff, 192, 0, 2, 254 } },
		{ { [10] = 0xff, 0xff, 198, 51, 100, 1 } },
		{ { 0xfe, 0x80, [15] = 1 } },
		{ { 0x20, 0x01, 0x0d, 0xb8, [7] = 9, [15] = 1 } },
	},
};

static struct interface_address prefixes[] = {
	{ .family = AF_INET, .prefix_length = 25, .bytes = { 192, 0, 2, 241 } },
	{ .family = AF_INET6, .prefix_length = 64, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [7] = 2 } },
};

static const struct interface interface = { .addresses = prefixes, .address_count = 2 };

static void gateways_on_the_link_are_asked_for_and_others_are_not(void)
{
	struct address address = ipv4(192, 0, 2, 4);
	struct requesters nobody = { 0 };
	struct frame frames[DIRECTED_FRAMES];
	struct arp_packet arp;
	struct ndp_packet ndp;

	CHECK(directed_write(&address, our_mac, &gateways, &interface, &nobody, frames) == 1);
	CHECK(arp_parse(frames[0].bytes, frames[0].length, &arp));
	CHECK(mac_equal(arp.ethernet.destination, mac_broadcast));
	CHECK(arp.operation == ARP_OPERATION_REQUEST && mac_equal(arp.sender_mac, our_mac));
	CHECK(memcmp(&arp.target_address, (uint8_t[]){ 192, 0, 2, 254 }, 4) == 0);
	CHECK(memcmp(&arp.sender_address, service_address, 4) == 0);

	address = ipv6(service_address6);
	CHECK(directed_write(&address, our_mac, &gateways, &interface, &nobody, frames) == 1);
	CHECK(ndp_parse(frames[0].bytes, frames[0].length, &ndp));
	CHECK(address_equal(&ndp.target, &gateways.addresses[2]));
	CHECK(address_equal(&ndp.source, &address) && mac_equal(ndp.mac, our_mac));
}

/* What was heard of the gateway may be forged, or of one that another has stood in for. */
static void who_asked_is_told_by_unicast_and_a_gateway_by_broadcast_all_the_same(void)
{
	struct address address = ipv4(192, 0, 2, 4);
	struct requesters of = { 0 };
	struct frame frames[DIRECTED_FRAMES];
	struct arp_packet arp;

	for (int i = 0; i < REQUESTERS_PER_ADDRESS; i++)
		note(&of, i);
	requesters_note(&pool, &of, &gateways.addresses[0], their_mac);
	CHECK(directed_write(&address, our_mac, &gateways, &interface, &of, frames) ==
	      REQUESTERS_PER_ADDRESS + 1);
	CHECK(arp_parse(frames[0].bytes, frames[0].length, &arp));
	CHECK(mac_equal(arp.ethernet.destination, mac_broadcast));
	CHECK(memcmp(&arp.target_address, (uint8_t[]){ 192, 0, 2, 254 }, 4) == 0);
	CHECK(arp_parse(frames[1].bytes, frames[1].length, &arp));
	CHECK(mac_equal(arp.ethernet.destination, their_mac));
	CHECK(memcmp(&arp.target_address, (uint8_t[]){ 192, 0, 2, 254 }, 4) == 0);
	CHECK(arp_parse(frames[2].bytes, frames[2].length, &arp));
	CHECK(arp.ethernet.destination[5] == REQUESTERS_PER_ADDRESS - 1);
	requesters_forget(&pool, &of);
}

int main(void)
{
	CHECK(requester_pool_init(&pool) == 0);
	the_latest_come_first_and_each_once();
	a_new_hardware_address_replaces_the_old();
	one_address_remembers_its_last_thirty();
	all_together_fit_the_pool();
	gateways_on_the_link_are_asked_for_and_others_are_not();
	who_asked_is_told_by_unicast_and_a_gateway_by_broadcast_all_the_same();
	requester_pool_free(&pool);
	return 0;
}
