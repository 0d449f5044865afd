/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Random frames, random tables, random schedules, against plain models.
 *
 * Usage: fuzz SEED ROUNDS. The same seed does the same again. The sanitizers
 * that it is compiled with look for what the checks cannot see.
 */
#include <string.h>

#include "arp.h"
#include "burst.h"
#include "check.h"
#include "frames.h"
#include "responder.h"
#include "table.h"

#define KEYS 512
#define PORTS 2

static uint64_t state;

static uint64_t below(uint64_t limit)
{
	return random_next(&state) % limit;
}

/* A valid request with some bytes changed, of random length, in memory of just that size. */
static uint8_t *make_frame(size_t *length)
{
	uint8_t *frame;

	*length = below(4) ? sizeof(request_frame) : below(80);
	frame = calloc(1, *length ? *length : 1);
	memcpy(frame, request_frame,
	       *length < sizeof(request_frame) ? *length : sizeof(request_frame));
	for (uint64_t changes = below(4); changes > 0 && *length > 0; changes--)
		frame[below(*length)] = (uint8_t)below(256);
	return frame;
}

static void check_reply(const struct responder_verdict *verdict)
{
	uint8_t frame[ARP_FRAME_LENGTH];
	struct arp_packet reply;

	responder_reply(&verdict->packet, our_mac, frame);
	CHECK(arp_parse(frame, sizeof(frame), &reply));
	CHECK(reply.operation == ARP_OPERATION_REPLY);
	CHECK(reply.sender_address == verdict->requested->address);
	CHECK(mac_equal(reply.sender_mac, our_mac));
	CHECK(!(reply.ethernet_destination[0] & 1));
}

/* What is answered is a request; nothing that arp_parse() refuses has any effect. */
static void fuzz_frame(const struct table *table)
{
	struct responder_verdict verdict;
	struct arp_packet packet;
	size_t length;
	uint8_t *frame = make_frame(&length);

	responder_decide(table, 0, our_mac, frame, length, &verdict);
	if (verdict.requested) {
		CHECK(verdict.packet.operation == ARP_OPERATION_REQUEST);
		check_reply(&verdict);
	}
	if (!arp_parse(frame, length, &packet))
		CHECK(!verdict.requested && !verdict.claimed);
	free(frame);
}

/* A table and its model: which keys are in. Keys differ in few bits, as addresses of one pool do. */
struct table_trial {
	struct table table;
	struct entry *model[PORTS][KEYS];
	size_t count;
};

static uint32_t address_of(uint32_t key)
{
	uint8_t bytes[4] = { 192, 0, (uint8_t)(key >> 8), (uint8_t)key };
	uint32_t address;

	memcpy(&address, bytes, 4);
	return address;
}

static void fuzz_table(struct table_trial *trial)
{
	uint32_t port = (uint32_t)below(PORTS);
	uint32_t key = (uint32_t)below(KEYS);
	struct entry **known = &trial->model[port][key];
	uint32_t probe = (uint32_t)below(KEYS);

	if (below(2)) {
		struct entry *entry = table_insert(&trial->table, port, address_of(key));

		CHECK(entry && (!*known || *known == entry));
		trial->count += !*known;
		*known = entry;
	} else if (*known) {
		table_remove(&trial->table, *known);
		*known = NULL;
		trial->count--;
	}
	CHECK(trial->table.count == trial->count);
	CHECK(table_find(&trial->table, port, address_of(probe)) == trial->model[port][probe]);
}

/* Schedules of a few addresses: never a round too many or too early, never more frames than the budget. */
struct burst_trial {
	struct burst burst;
	struct burst_node nodes[64];
	int taken[64];
	uint64_t now;
	uint64_t frames;
};

static void fuzz_burst(struct burst_trial *trial)
{
	uint64_t i = below(64);
	const struct burst_node *node;

	trial->now += below(20000000);
	if (below(8) == 0) {
		burst_start(&trial->burst, &trial->nodes[i], trial->now);
		trial->taken[i] = 0;
	} else if (below(16) == 0) {
		burst_cancel(&trial->burst, &trial->nodes[i]);
		trial->taken[i] = BURST_ROUNDS;
	}
	while ((node = burst_take(&trial->burst, trial->now)) != NULL) {
		CHECK(++trial->taken[node - trial->nodes] <= BURST_ROUNDS);
		trial->frames += BURST_FRAMES_PER_ROUND;
	}
	CHECK(burst_wake_at(&trial->burst) > trial->now);
	CHECK(trial->frames <=
	      64 + trial->now * (BURST_FIRST_RATE + BURST_REPEAT_RATE) / 1000000000ull);
}

int main(int argc, char **argv)
{
	static struct table_trial tables;
	static struct burst_trial bursts;
	uint64_t rounds;

	CHECK(argc == 3);
	state = strtoull(argv[1], NULL, 10) * 2 + 1;
	rounds = strtoull(argv[2], NULL, 10);
	table_init(&tables.table);
	burst_init(&bursts.burst);
	for (int i = 0; i < 64; i++) {
		burst_node_init(&bursts.nodes[i]);
		bursts.taken[i] = BURST_ROUNDS;
	}
	for (uint64_t i = 0; i < rounds; i++) {
		fuzz_table(&tables);
		fuzz_burst(&bursts);
		fuzz_frame(&tables.table);
	}
	table_free(&tables.table);
	return 0;
}
