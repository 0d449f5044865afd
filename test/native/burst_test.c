/* SPDX-License-Identifier: Apache-2.0 */
#include "burst.h"

#include "check.h"

#define MILLISECOND 1000000ull
#define SECOND (1000 * MILLISECOND)
#define START (7 * SECOND)
#define MANY 1000

static void one_address_has_five_rounds(void)
{
	static const uint64_t rounds[] = { 0, 100, 1100, 2200, 4400 };
	struct burst burst;
	struct burst_node node;

	burst_init(&burst, &burst_announcement);
	burst_node_init(&node);
	CHECK(burst_wake_at(&burst) == BURST_NEVER);
	burst_start(&burst, &node, START);
	for (int i = 0; i < BURST_ROUNDS; i++) {
		uint64_t at = START + rounds[i] * MILLISECOND;

		CHECK(burst_wake_at(&burst) == at);
		CHECK(burst_take(&burst, at - 1) == NULL);
		CHECK(burst_take(&burst, at) == &node);
	}
	CHECK(burst_wake_at(&burst) == BURST_NEVER);
	CHECK(burst_take(&burst, START + 60 * SECOND) == NULL);
}

static void a_cancelled_address_is_silent(void)
{
	struct burst burst;
	struct burst_node nodes[3];

	burst_init(&burst, &burst_announcement);
	for (int i = 0; i < 3; i++) {
		burst_node_init(&nodes[i]);
		burst_start(&burst, &nodes[i], START);
	}
	burst_cancel(&burst, &nodes[1]);
	burst_cancel(&burst, &nodes[1]);
	CHECK(burst_take(&burst, START) == &nodes[0]);
	CHECK(burst_take(&burst, START) == &nodes[2]);
	CHECK(burst_take(&burst, START) == NULL);
	burst_cancel(&burst, &nodes[0]);
	burst_cancel(&burst, &nodes[2]);
	CHECK(burst_wake_at(&burst) == BURST_NEVER);
}

static void a_new_start_begins_again(void)
{
	struct burst burst;
	struct burst_node node;

	burst_init(&burst, &burst_announcement);
	burst_node_init(&node);
	burst_start(&burst, &node, START);
	CHECK(burst_take(&burst, START) == &node);
	burst_start(&burst, &node, START + 50 * MILLISECOND);
	CHECK(burst_take(&burst, START + 50 * MILLISECOND) == &node);
	CHECK(burst_take(&burst, START + 149 * MILLISECOND) == NULL);
	CHECK(burst_take(&burst, START + 150 * MILLISECOND) == &node);
}

/* Plays the schedule by its own wake-ups. Fills @first and @last with the times of the first and the last round. */
static void play(struct burst *burst, const struct burst_node *nodes, uint64_t *first,
		 uint64_t *last, int *rounds)
{
	uint64_t now;

	while ((now = burst_wake_at(burst)) != BURST_NEVER) {
		const struct burst_node *node = burst_take(burst, now);
		long i = node - nodes;

		CHECK(node != NULL);
		if (rounds[i]++ == 0)
			first[i] = now;
		last[i] = now;
	}
}

static void many_addresses_are_paced(void)
{
	static struct burst_node nodes[MANY];
	static uint64_t first[MANY], last[MANY];
	static int rounds[MANY];
	struct burst burst;
	uint64_t frames = (uint64_t)MANY * BURST_FRAMES_PER_ROUND;

	burst_init(&burst, &burst_announcement);
	for (int i = 0; i < MANY; i++) {
		burst_node_init(&nodes[i]);
		burst_start(&burst, &nodes[i], START);
	}
	play(&burst, nodes, first, last, rounds);
	for (int i = 0; i < MANY; i++) {
		CHECK(rounds[i] == BURST_ROUNDS);
		CHECK(last[i] - first[i] >= 4400 * MILLISECOND);
	}
	/* All first rounds within the time that the quick bucket needs, all others within the slow one's. */
	CHECK(first[MANY - 1] - START <= frames * SECOND / burst_announcement.first_rate);
	CHECK(first[MANY - 1] - START >= (frames - 32) * SECOND / burst_announcement.first_rate);
	CHECK(last[MANY - 1] - START >= (4 * frames - 32) * SECOND / burst_announcement.repeat_rate);
}

static void a_refresh_comes_again_and_again_behind_the_last_round(void)
{
	struct burst burst;
	struct burst_node node;
	uint64_t at = START;

	burst_init(&burst, &burst_announcement);
	burst_set_refresh(&burst, 30 * SECOND);
	burst_node_init(&node);
	burst_start(&burst, &node, START);
	for (int i = 0; i < BURST_ROUNDS; i++) {
		at = burst_wake_at(&burst);
		CHECK(burst_take(&burst, at) == &node);
	}
	CHECK(at == START + 4400 * MILLISECOND);
	for (int i = 0; i < 3; i++) {
		CHECK(burst_wake_at(&burst) == at + 30 * SECOND);
		at += 30 * SECOND;
		CHECK(burst_take(&burst, at) == &node);
	}
	burst_cancel(&burst, &node);
	CHECK(burst_wake_at(&burst) == BURST_NEVER);
}

static void single_neighbours_are_told_twice_and_many_of_them_slowly(void)
{
	struct burst burst;
	struct burst_node nodes[2];

	burst_init(&burst, &burst_directed);
	for (int i = 0; i < 2; i++) {
		burst_node_init(&nodes[i]);
		burst_start(&burst, &nodes[i], START);
	}
	CHECK(burst_take(&burst, START) == &nodes[0]);
	burst_charge(&burst, &nodes[0], 2032);
	/* 2,000 of them lie beyond what the bucket held, which is a second's worth. */
	CHECK(burst_take(&burst, START + SECOND - MILLISECOND) == NULL);
	CHECK(burst_take(&burst, START + SECOND + MILLISECOND) == &nodes[1]);
	CHECK(burst_take(&burst, START + 1100 * MILLISECOND) == &nodes[0]);
	CHECK(burst_take(&burst, START + 3 * SECOND) == &nodes[1]);
	CHECK(burst_wake_at(&burst) == BURST_NEVER);
}

int main(void)
{
	one_address_has_five_rounds();
	a_cancelled_address_is_silent();
	a_new_start_begins_again();
	many_addresses_are_paced();
	a_refresh_comes_again_and_again_behind_the_last_round();
	single_neighbours_are_told_twice_and_many_of_them_slowly();
	return 0;
}
