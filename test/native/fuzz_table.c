/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: Target: a table of addresses that come and go, and ARP frames that ask for them. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arp.h"
#include "check.h"
#include "frames.h"
#include "fuzz.h"
#include "responder.h"

#define KEYS 512
#define PORTS 2
#define MADE_CAPACITY 80

/* The table, and its model: which keys are in. */
static struct table table;
static struct entry *model[PORTS][KEYS];
static size_t count;

/* Keys differ in few bits, as the addresses of one pool do. */
static uint32_t ipv4_of(uint32_t key)
{
	uint8_t bytes[4] = { 192, 0, (uint8_t)(2 + (key >> 8)), (uint8_t)key };
	uint32_t ipv4;

	memcpy(&ipv4, bytes, 4);
	return ipv4;
}

static struct address address_of(uint32_t key)
{
	return address_from_ipv4(ipv4_of(key));
}

/* What the model has for the four bytes of an address in a frame. */
static struct entry *modelled(uint32_t port, const uint8_t *bytes)
{
	uint32_t key = (uint32_t)(bytes[2] - 2) << 8 | bytes[3];

	return bytes[0] == 192 && bytes[1] == 0 && bytes[2] >= 2 && key < KEYS ? model[port][key] :
										 NULL;
}

void fuzz_table_start(void)
{
	table_init(&table, fuzz_below(UINT64_MAX));
	memset(model, 0, sizeof(model));
	count = 0;
}

void fuzz_table_end(void)
{
	entries_free(&table);
}

static void change_table(void)
{
	uint32_t port = (uint32_t)fuzz_below(PORTS);
	uint32_t key = (uint32_t)fuzz_below(KEYS);
	struct entry **known = &model[port][key];
	uint32_t probe = (uint32_t)fuzz_below(KEYS);
	struct address address = address_of(key);

	if (fuzz_below(2)) {
		struct entry *entry = entry_put(&table, port, &address);

		CHECK(entry && (!*known || *known == entry));
		count += !*known;
		entry->answered = true;
		*known = entry;
	} else if (*known) {
		entry_remove(&table, *known);
		*known = NULL;
		count--;
	}
	CHECK(table.count == count);
	address = address_of(probe);
	CHECK(entry_find(&table, port, &address) == model[port][probe]);
}

static size_t make_frame(uint8_t frame[MADE_CAPACITY])
{
	uint32_t sender = ipv4_of((uint32_t)fuzz_below(KEYS));
	uint32_t target = ipv4_of((uint32_t)fuzz_below(KEYS));

	memcpy(frame, request_frame, sizeof(request_frame));
	memcpy(frame + 38, &target, 4);
	if (fuzz_below(4) == 0)
		memcpy(frame + 28, &sender, 4);
	if (fuzz_below(4) == 0)
		memcpy(frame, our_mac, 6);
	if (fuzz_below(4) == 0)
		frame[21] = ARP_OPERATION_REPLY;
	return fuzz_mutate(frame, sizeof(request_frame), MADE_CAPACITY);
}

/* RFC 826 and who may be answered, said once more, from the bytes alone. */
static bool is_for_us(const uint8_t *frame, size_t length)
{
	return length >= sizeof(request_frame) && memcmp(frame + 12, request_frame + 12, 9) == 0 &&
	       (frame[21] == 1 || frame[21] == 2) && frame[20] == 0 && !(frame[22] & 1) &&
	       memcmp(frame + 22, mac_zero, 6) != 0 && memcmp(frame + 22, our_mac, 6) != 0 &&
	       (memcmp(frame, mac_broadcast, 6) == 0 || memcmp(frame, our_mac, 6) == 0);
}

static void check_reply(const uint8_t *request, const struct responder_verdict *verdict)
{
	struct frame frame;
	const uint8_t *reply = frame.bytes;

	responder_reply(verdict, our_mac, &frame);
	CHECK(frame.length == ETHERNET_FRAME_MIN);
	CHECK(memcmp(reply, request + 22, 6) == 0);
	CHECK(memcmp(reply + 6, our_mac, 6) == 0);
	CHECK(memcmp(reply + 12, request + 12, 8) == 0);
	CHECK(reply[20] == 0 && reply[21] == ARP_OPERATION_REPLY);
	CHECK(memcmp(reply + 22, our_mac, 6) == 0);
	CHECK(memcmp(reply + 28, request + 38, 4) == 0);
	CHECK(memcmp(reply + 32, request + 22, 10) == 0);
}

static void judge_frame(void)
{
	uint8_t made[MADE_CAPACITY];
	size_t length = make_frame(made);
	uint8_t *frame = fuzz_exact_copy(made, length);
	uint32_t port = (uint32_t)fuzz_below(PORTS);
	struct responder_verdict verdict;

	responder_decide_arp(&table, port, our_mac, frame, length, &verdict);
	if (is_for_us(frame, length)) {
		CHECK(verdict.claimed == modelled(port, frame + 28));
		CHECK(verdict.requested == (frame[21] == 1 ? modelled(port, frame + 38) : NULL));
	} else {
		CHECK(!verdict.requested && !verdict.claimed);
	}
	if (verdict.requested)
		check_reply(frame, &verdict);
	free(frame);
}

void fuzz_table_step(void)
{
	change_table();
	judge_frame();
}
