/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "arp.h"
#include "check.h"
#include "claim_limit.h"
#include "frames.h"
#include "inquiry.h"
#include "ndp.h"
#include "observed.h"

#define SECOND 1000000000ull
#define START (1000 * SECOND)

static struct claim_limit limit;

static struct address ipv4(const uint8_t bytes[4])
{
	uint32_t number;

	memcpy(&number, bytes, 4);
	return address_from_ipv4(number);
}

/* A claim of the service's address under the hardware address of that number. */
static struct claim claim_by(uint32_t number)
{
	struct claim claim = { .address = ipv4(service_address), .port = 1, .mac = { 0x02 } };

	memcpy(claim.mac + 1, &number, sizeof(number));
	return claim;
}

static void tells_the_same_claim_once_in_a_while(void)
{
	struct claim claim = claim_by(1);
	struct claim told = claim_by(1);

	claim_limit_init(&limit, 7);
	CHECK(!claim_limit_known(&limit, &claim, CLAIM_REPEAT_INTERVAL, START));
	CHECK(claim_limit_take(&limit, &claim, START));
	CHECK(claim_limit_known(&limit, &claim, CLAIM_REPEAT_INTERVAL, START));
	CHECK(claim_limit_known(&limit, &claim, CLAIM_REPEAT_INTERVAL, START + CLAIM_REPEAT_INTERVAL - 1));
	CHECK(!claim_limit_known(&limit, &claim, CLAIM_REPEAT_INTERVAL, START + CLAIM_REPEAT_INTERVAL));
	CHECK(!claim_limit_known(&limit, &claim, OBSERVED_REPEAT_INTERVAL, START + SECOND / 2));
	/* Another port, another host, another form, another address: each is another claim. */
	told.tells = true;
	CHECK(!claim_limit_known(&limit, &told, CLAIM_REPEAT_INTERVAL, START));
	told = claim_by(2);
	CHECK(!claim_limit_known(&limit, &told, CLAIM_REPEAT_INTERVAL, START));
	told = claim_by(1);
	told.port = 2;
	CHECK(!claim_limit_known(&limit, &told, CLAIM_REPEAT_INTERVAL, START));
	told = claim_by(1);
	told.address = ipv4(client_address);
	CHECK(!claim_limit_known(&limit, &told, CLAIM_REPEAT_INTERVAL, START));
}

/* How many of @count different claims at @now, numbered from @first, may be told. */
static uint32_t taken(uint32_t first, uint32_t count, uint64_t now)
{
	uint32_t passed = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct claim claim = claim_by(first + i);

		passed += claim_limit_take(&limit, &claim, now);
	}
	return passed;
}

static void bounds_a_flood_of_different_claims(void)
{
	claim_limit_init(&limit, 7);
	CHECK(taken(0, 100000, START) == CLAIM_LIMIT_BURST);
	CHECK(taken(0, 1000, START) == 0);
	CHECK(taken(0, 100000, START + SECOND) == CLAIM_LIMIT_RATE);
	/* Silence fills the bucket, and no more than that. */
	CHECK(taken(0, 100000, START + 1000 * SECOND) == CLAIM_LIMIT_BURST);
}

static void observes_what_it_is_told_to(void)
{
	struct address address = ipv4(service_address);
	struct address other = ipv4(client_address);
	struct table observed;

	table_init(&observed, 3);
	CHECK(observed_add(&observed, 1, &address) == 1);
	CHECK(observed_add(&observed, 1, &address) == 0);
	CHECK(observed_add(&observed, 2, &address) == 1);
	CHECK(table_find(&observed, 1, &address) && !table_find(&observed, 1, &other));
	CHECK(observed_remove(&observed, 1, &address) && !observed_remove(&observed, 1, &address));
	CHECK(!table_find(&observed, 1, &address) && table_find(&observed, 2, &address));
	observed_free(&observed);
	CHECK(observed.count == 0);
}

static void asks_by_arp_without_a_sender(void)
{
	struct address address = ipv4(service_address);
	struct arp_packet packet;
	struct frame frame;

	inquiry_write(&address, our_mac, &frame);
	CHECK(arp_parse(frame.bytes, frame.length, &packet));
	CHECK(packet.operation == ARP_OPERATION_REQUEST && packet.sender_address == 0);
	CHECK(memcmp(&packet.target_address, service_address, 4) == 0);
	CHECK(mac_equal(packet.ethernet.destination, mac_broadcast));
	CHECK(mac_equal(packet.ethernet.source, our_mac) && mac_equal(packet.sender_mac, our_mac));
	CHECK(mac_equal(packet.target_mac, mac_zero));
}

static void asks_by_solicitation_without_a_sender(void)
{
	static const struct address address = { { 0x20, 0x01, 0x0d, 0xb8, [14] = 0x01, 0x04 } };
	struct address group = address_solicited_node(&address);
	struct ndp_packet packet;
	uint8_t group_mac[MAC_LENGTH];
	struct frame frame;

	mac_of_group(&group, group_mac);
	inquiry_write(&address, our_mac, &frame);
	CHECK(ndp_parse(frame.bytes, frame.length, &packet));
	CHECK(packet.type == NDP_SOLICITATION && !packet.has_mac);
	CHECK(address_equal(&packet.source, &address_unspecified));
	CHECK(address_equal(&packet.destination, &group));
	CHECK(address_equal(&packet.target, &address));
	CHECK(mac_equal(packet.ethernet.destination, group_mac));
	CHECK(mac_equal(packet.ethernet.source, our_mac));
}

int main(void)
{
	tells_the_same_claim_once_in_a_while();
	bounds_a_flood_of_different_claims();
	observes_what_it_is_told_to();
	asks_by_arp_without_a_sender();
	asks_by_solicitation_without_a_sender();
	return 0;
}
