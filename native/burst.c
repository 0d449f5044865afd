/* SPDX-License-Identifier: Apache-2.0 */
#include "burst.h"

#include <stddef.h>
#include <string.h>

#define NANOSECONDS_PER_SECOND 1000000000ull
#define NANOSECONDS_PER_MILLISECOND 1000000ull

/* Tokens that a bucket holds: a handful of addresses is announced without any wait. */
#define BUCKET_SIZE 32

static const uint64_t round_offsets[BURST_ROUNDS] = {
	0,
	100 * NANOSECONDS_PER_MILLISECOND,
	1100 * NANOSECONDS_PER_MILLISECOND,
	2200 * NANOSECONDS_PER_MILLISECOND,
	4400 * NANOSECONDS_PER_MILLISECOND,
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

void burst_init(struct burst *burst)
{
	memset(burst, 0, sizeof(*burst));
	burst->first.nanoseconds_per_token = NANOSECONDS_PER_SECOND / BURST_FIRST_RATE;
	burst->repeat.nanoseconds_per_token = NANOSECONDS_PER_SECOND / BURST_REPEAT_RATE;
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

/* Each list is ordered by due time by itself: all its nodes were appended the same gap ahead of their due time. */
struct burst_node *burst_take(struct burst *burst, uint64_t now)
{
	for (int round = 0; round < BURST_ROUNDS; round++) {
		struct burst_node *node = burst->rounds[round].head;
		struct burst_bucket *bucket = bucket_of(burst, round);

		if (!node || node->due > now || bucket_ready_at(bucket) > now)
			continue;
		bucket_take(bucket, now);
		burst_cancel(burst, node);
		if (round + 1 < BURST_ROUNDS)
			append(burst, node, round + 1,
			       now + round_offsets[round + 1] - round_offsets[round]);
		return node;
	}
	return NULL;
}

uint64_t burst_wake_at(const struct burst *burst)
{
	uint64_t earliest = BURST_NEVER;

	for (int round = 0; round < BURST_ROUNDS; round++) {
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
