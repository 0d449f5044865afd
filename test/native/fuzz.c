/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Mutated frames, netlink messages, random tables and schedules, against plain models.
 *
 * Usage: fuzz SEED SECONDS. It runs campaigns, each from an empty state and
 * with the seed after the last one's, until the time is over. A campaign is
 * short, so a finding is repeated in a moment, however long it took to come:
 * "fuzz SEED 0" is the one campaign with the seed that a failure prints. The
 * sanitizers that it is compiled with look for what the checks cannot see.
 */
#include "fuzz.h"

#include <inttypes.h>
#include <sanitizer/common_interface_defs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

#define STEPS_PER_CAMPAIGN 20000

static uint64_t campaign_seed;
static uint64_t state;
static bool passed;

uint64_t fuzz_below(uint64_t limit)
{
	return random_next(&state) % limit;
}

static uint8_t edge_value(void)
{
	static const uint8_t edges[] = { 0x00, 0x01, 0x02, 0x06, 0x08, 0x10, 0x7f, 0x80, 0xfe, 0xff };

	return fuzz_below(2) ? edges[fuzz_below(sizeof(edges))] : (uint8_t)fuzz_below(256);
}

static void copy_stretch(uint8_t *bytes, size_t length)
{
	size_t from = fuzz_below(length);
	size_t to = fuzz_below(length);
	size_t room = length - (from > to ? from : to);

	memmove(bytes + to, bytes + from, fuzz_below(room + 1));
}

size_t fuzz_mutate(uint8_t *bytes, size_t length, size_t capacity)
{
	for (uint64_t changes = fuzz_below(4); changes > 0 && length > 0; changes--) {
		switch (fuzz_below(6)) {
		case 0:
			bytes[fuzz_below(length)] ^= (uint8_t)(1u << fuzz_below(8));
			break;
		case 1:
			copy_stretch(bytes, length);
			break;
		case 2:
			length = fuzz_below(length + 1);
			break;
		case 3:
			while (length < capacity && fuzz_below(8))
				bytes[length++] = (uint8_t)fuzz_below(256);
			break;
		default:
			bytes[fuzz_below(length)] = edge_value();
			break;
		}
	}
	return length;
}

uint8_t *fuzz_exact_copy(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	CHECK(copy != NULL);
	memcpy(copy, bytes, length);
	return copy;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Neighbouring seeds must not give neighbouring sequences, and no state may be 0. */
static void seed_sequence(uint64_t seed)
{
	state = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
	for (int i = 0; i < 8; i++)
		random_next(&state);
}

static void run_campaign(void)
{
	seed_sequence(campaign_seed);
	fuzz_table_start();
	fuzz_ndp_start();
	fuzz_burst_start();
	fuzz_netlink_start();
	for (int i = 0; i < STEPS_PER_CAMPAIGN; i++) {
		fuzz_table_step();
		fuzz_ndp_step();
		fuzz_burst_step();
		fuzz_netlink_step();
	}
	fuzz_table_end();
	fuzz_ndp_end();
	fuzz_netlink_end();
}

/* On every way out but the good one, a sanitizer's too. */
static void tell_seed(void)
{
	if (!passed)
		fprintf(stderr, "SEED=%" PRIu64 "\n", campaign_seed);
}

int main(int argc, char **argv)
{
	uint64_t campaigns = 0;
	double begin = seconds_now();
	double seconds;

	CHECK(argc == 3);
	campaign_seed = strtoull(argv[1], NULL, 10);
	seconds = strtod(argv[2], NULL);
	atexit(tell_seed);
	__sanitizer_set_death_callback(tell_seed);
	do {
		run_campaign();
		campaigns++;
		campaign_seed++;
	} while (seconds_now() - begin < seconds);
	passed = true;
	seconds = seconds_now() - begin;
	printf("%" PRIu64 " executions in %.1f s, %.0f a second\n",
	       4 * campaigns * STEPS_PER_CAMPAIGN, seconds,
	       4.0 * (double)campaigns * STEPS_PER_CAMPAIGN / seconds);
	return 0;
}
