/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: Target: neighbor discovery frames, against the rules of RFC 4861 said once more from the bytes alone. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "frames.h"
#include "fuzz.h"
#include "ndp_frames.h"
#include "responder.h"

/* The addresses ...:4 to ...:b are ours. */
#define FIRST_KEY 4
#define KEYS 8
#define MADE_CAPACITY 120

static const uint8_t our_option[8] = { 2, 1, 0x02, 0, 0, 0, 0, 0x01 };

static struct table table;
static struct entry *model[KEYS];

void fuzz_ndp_start(void)
{
	struct address address;

	memcpy(address.bytes, service_address6, 16);
	table_init(&table, fuzz_below(UINT64_MAX));
	for (int i = 0; i < KEYS; i++) {
		address.bytes[15] = (uint8_t)(FIRST_KEY + i);
		model[i] = entry_put(&table, 0, &address);
		CHECK(model[i] != NULL);
		model[i]->answered = true;
	}
}

void fuzz_ndp_end(void)
{
	entries_free(&table);
}

static struct entry *modelled(const uint8_t *address)
{
	int key = address[15] - FIRST_KEY;

	return memcmp(address, service_address6, 15) == 0 && key >= 0 && key < KEYS ? model[key] :
										      NULL;
}

/* Changes that keep the frame valid, or nearly so. */
static void vary(uint8_t *frame)
{
	uint8_t key = (uint8_t)fuzz_below(FIRST_KEY + KEYS + 2);

	frame[AT_TARGET + 15] = key;
	frame[AT_DESTINATION + 15] = key;
	frame[5] = key;
	if (fuzz_below(4) == 0)
		memcpy(frame, our_mac, 6);
	if (fuzz_below(4) == 0)
		memcpy(frame + AT_DESTINATION, frame + AT_TARGET, 16);
	if (fuzz_below(4) == 0)
		memcpy(frame + AT_SOURCE, service_address6, 16);
	if (fuzz_below(4) == 0) {
		frame[AT_TYPE] = NDP_ADVERTISEMENT;
		frame[AT_FLAGS] = (uint8_t)(fuzz_below(8) << 5);
	}
}

static size_t make_frame(uint8_t frame[MADE_CAPACITY])
{
	bool dad = fuzz_below(4) == 0;
	size_t length = dad ? sizeof(dad_frame) : sizeof(solicitation_frame);

	memset(frame, 0, MADE_CAPACITY);
	memcpy(frame, dad ? dad_frame : solicitation_frame, length);
	vary(frame);
	length = fuzz_mutate(frame, length, MADE_CAPACITY);
	/* Left wrong now and then; and only where it lies within the buffer. */
	if (fuzz_below(8) && frame[AT_LENGTH] == 0 && frame[AT_LENGTH + 1] <= MADE_CAPACITY - 54)
		put_checksum(frame);
	return length;
}

static bool is_one_host(const uint8_t *mac)
{
	return !(mac[0] & 1) && memcmp(mac, mac_zero, 6) != 0;
}

/* Walks the options. Return: the hardware address of the wanted kind, the Ethernet source without one, or NULL when they are bad. */
static const uint8_t *sender_of(const uint8_t *frame, size_t end)
{
	const uint8_t *mac = frame + 6;
	size_t at = AT_OPTION;

	for (; at + 8 <= end && frame[at + 1] != 0; at += 8u * frame[at + 1]) {
		if (frame[at] != frame[AT_TYPE] - 134)
			continue;
		if (frame[at + 1] != 1 || !is_one_host(frame + at + 2))
			return NULL;
		mac = frame + at + 2;
	}
	return at == end ? mac : NULL;
}

static bool is_valid(const uint8_t *frame, size_t length)
{
	size_t end;

	if (length < AT_OPTION)
		return false;
	end = 54 + ((size_t)frame[AT_LENGTH] << 8 | frame[AT_LENGTH + 1]);
	return end >= AT_OPTION && end <= length && frame[12] == 0x86 && frame[13] == 0xdd &&
	       frame[AT_VERSION] >> 4 == 6 && frame[AT_NEXT_HEADER] == 58 &&
	       frame[AT_HOP_LIMIT] == 255 && (frame[AT_TYPE] == 135 || frame[AT_TYPE] == 136) &&
	       frame[AT_CODE] == 0 && sum_of_icmpv6(frame) == 0xffff && is_one_host(frame + 6) &&
	       frame[AT_SOURCE] != 0xff && frame[AT_TARGET] != 0xff &&
	       sender_of(frame, end) != NULL;
}

static bool is_group_of(const uint8_t *group, const uint8_t *address)
{
	static const uint8_t prefix[13] = { 0xff, 0x02, [11] = 1, 0xff };

	return memcmp(group, prefix, 13) == 0 && memcmp(group + 13, address + 13, 3) == 0;
}

/* The rules that differ by type and by sender. */
static bool makes_sense(const uint8_t *frame)
{
	const uint8_t *destination = frame + AT_DESTINATION;

	if (frame[AT_TYPE] == 136)
		return !(frame[AT_FLAGS] & 0x40) || destination[0] != 0xff;
	return memcmp(frame + AT_SOURCE, address_unspecified.bytes, 16) != 0 ||
	       (is_group_of(destination, destination) &&
		sender_of(frame, 54 + (size_t)frame[AT_LENGTH + 1]) == frame + 6);
}

static bool is_to_us(const uint8_t *frame)
{
	return memcmp(frame, our_mac, 6) == 0 ||
	       (frame[AT_DESTINATION] == 0xff && frame[0] == 0x33 && frame[1] == 0x33 &&
		memcmp(frame + 2, frame + AT_DESTINATION + 12, 4) == 0);
}

static bool asks_the_owner(const uint8_t *frame)
{
	const uint8_t *destination = frame + AT_DESTINATION;

	return frame[AT_TYPE] == 135 && (memcmp(destination, frame + AT_TARGET, 16) == 0 ||
					 is_group_of(destination, frame + AT_TARGET));
}

static void check_reply(const uint8_t *request, const struct responder_verdict *verdict)
{
	bool nameless = memcmp(request + AT_SOURCE, address_unspecified.bytes, 16) == 0;
	const uint8_t *to = nameless ? address_all_nodes.bytes : request + AT_SOURCE;
	struct frame frame;

	responder_reply(verdict, our_mac, &frame);
	CHECK(frame.length == 86);
	CHECK(is_valid(frame.bytes, frame.length) && makes_sense(frame.bytes));
	CHECK(memcmp(frame.bytes + 6, our_mac, 6) == 0);
	CHECK(memcmp(frame.bytes + AT_DESTINATION, to, 16) == 0);
	CHECK(frame.bytes[AT_FLAGS] == (nameless ? 0x20 : 0x60));
	CHECK(memcmp(frame.bytes + AT_TARGET, request + AT_TARGET, 16) == 0);
	CHECK(memcmp(frame.bytes + AT_SOURCE, request + AT_TARGET, 16) == 0);
	CHECK(memcmp(frame.bytes + AT_OPTION, our_option, 8) == 0);
}

void fuzz_ndp_step(void)
{
	uint8_t made[MADE_CAPACITY];
	size_t length = make_frame(made);
	uint8_t *frame = fuzz_exact_copy(made, length);
	struct responder_verdict verdict;
	const uint8_t *sender;

	responder_decide_ndp(&table, 0, our_mac, frame, length, &verdict);
	sender = is_valid(frame, length) ? sender_of(frame, 54 + (size_t)frame[AT_LENGTH + 1]) : NULL;
	if (sender && makes_sense(frame) && memcmp(sender, our_mac, 6) != 0 && is_to_us(frame)) {
		const uint8_t *claims =
			frame + (frame[AT_TYPE] == 136 ? AT_TARGET : AT_SOURCE);

		CHECK(verdict.claimed == modelled(claims));
		CHECK(verdict.requested ==
		      (asks_the_owner(frame) ? modelled(frame + AT_TARGET) : NULL));
		CHECK(memcmp(verdict.sender_mac, sender, 6) == 0);
	} else {
		CHECK(!verdict.requested && !verdict.claimed);
	}
	if (verdict.requested)
		check_reply(frame, &verdict);
	free(frame);
}
