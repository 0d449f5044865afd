/* SPDX-License-Identifier: Apache-2.0 */
#include "burst.h"

#include <stddef.h>
#include <string.h>

#define NANOSECONDS_PER_SECOND 1000000000ull
#define NANOSECONDS_PER_MILLISECOND 1000000ull

/* Tokens that a bucket holds: a handful of addresses is announced without any wait. */
#define BUCKET_SIZE 32

const struct burst_plan burst_announcement = {
	.rounds = 5,
	.offsets = {
		0,
		100 * NANOSECONDS_PER_MILLISECOND,
		1100 * NANOSECONDS_PER_MILLISECOND,
		2200 * NANOSECONDS_PER_MILLISECOND,
		4400 * NANOSECONDS_PER_MILLISECOND,
	},
	.first_rate = 5000,
	.repeat_rate = 500,
};

const struct burst_plan burst_directed = {
	.rounds = 2,
	.offsets = { 0, 1100 * NANOSECONDS_PER_MILLISECOND },
	.first_rate = 2000,
	.repeat_rate = 500,
};

static struct burst_bucket *bucket_of(struct burst *burst, int round)
{
	return round == 0 ? &burst->first : &burst->repeat;
}

/* The earliest time at which the bucket holds the frames of one round. */
static uint64_t bucket_ready_at(const struct burst_bucket *bucket)
{
	uint64_t slack = (BUCKET_SIZE - BURST_FRAMES_PER_ROUND) * bucket->nanoseconds_per_token;

	return bucket->full_at > slack ? bucket->full_at - slack : 0;
}

static void bucket_take(struct burst_bucket *bucket, uint64_t now)
{
	if (bucket->full_at < now)
		bucket->full_at = now;
	bucket->full_at += BURST_FRAMES_PER_ROUND * bucket->nanoseconds_per_token;
}

static void append(struct burst *burst, struct burst_node *node, int round, uint64_t due)
{
	node->round = round;
	node->due = due;
	node->next = NULL;
	node->previous = burst->rounds[round].tail;
	if (node->previous)
		node->previous->next = node;
	else
		burst->rounds[round].head = node;
	burst->rounds[round].tail = node;
}

void burst_init(struct burst *burst, const struct burst_plan *plan)
{
	memset(burst, 0, sizeof(*burst));
	burst->plan = plan;
	burst->first.nanoseconds_per_token = NANOSECONDS_PER_SECOND / plan->first_rate;
	burst->repeat.nanoseconds_per_token = NANOSECONDS_PER_SECOND / plan->repeat_rate;
}

void burst_set_refresh(struct burst *burst, uint64_t interval)
{
	burst->refresh = interval;
}

void burst_node_init(struct burst_node *node)
{
	memset(node, 0, sizeof(*node));
	node->round = -1;
}

void burst_start(struct burst *burst, struct burst_node *node, uint64_t now)
{
	burst_cancel(burst, node);
	append(burst, node, 0, now);
}

void burst_cancel(struct burst *burst, struct burst_node *node)
{
	if (node->round < 0)
		return;
	if (node->previous)
		node->previous->next = node->next;
	else
		burst->rounds[node->round].head = node->next;
	if (node->next)
		node->next->previous = node->previous;
	else
		burst->rounds[node->round].tail = node->previous;
	burst_node_init(node);
}

static void plan_next(struct burst *burst, struct burst_node *node, int round, uint64_t now)
{
	const struct burst_plan *plan = burst->plan;

	if (round + 1 < plan->rounds)
		append(burst, node, round + 1, now + plan->offsets[round + 1] - plan->offsets[round]);
	else if (burst->refresh > 0)
		append(burst, node, plan->rounds, now + burst->refresh);
}

void burst_charge(struct burst *burst, const struct burst_node *node, unsigned int frames)
{
	/* Behind the first round comes the second, in every plan. */
	struct burst_bucket *bucket = node->round == 1 ? &burst->first : &burst->repeat;

	if (frames > BURST_FRAMES_PER_ROUND)
		bucket->full_at += (frames - BURST_FRAMES_PER_ROUND) * bucket->nanoseconds_per_token;
}

/* Each list is ordered by due time by itself: all its nodes were appended the same gap ahead of their due time. */
struct burst_node *burst_take(struct burst *burst, uint64_t now)
{
	for (int round = 0; round <= burst->plan->rounds; round++) {
		struct burst_node *node = burst->rounds[round].head;
		struct burst_bucket *bucket = bucket_of(burst, round);

		if (!node || node->due > now || bucket_ready_at(bucket) > now)
			continue;
		bucket_take(bucket, now);
		burst_cancel(burst, node);
		plan_next(burst, node, round, now);
		return node;
	}
	return NULL;
}

uint64_t burst_wake_at(const struct burst *burst)
{
	uint64_t earliest = BURST_NEVER;

	for (int round = 0; round <= burst->plan->rounds; round++) {
		const struct burst_node *node = burst->rounds[round].head;
		uint64_t ready;

		if (!node)
			continue;
		ready = bucket_ready_at(round == 0 ? &burst->first : &burst->repeat);
		if (ready < node->due)
			ready = node->due;
		if (ready < earliest)
			earliest = ready;
	}
	return earliest;
}
