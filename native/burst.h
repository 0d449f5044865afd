/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_BURST_H
#define STEELYARD_BURST_H

#include <stdint.h>

/**
 * DOC: When unasked frames go out.
 *
 * An announcement is five rounds, at 0, 0.1, 1.1, 2.2 and 4.4 s. The second
 * repairs the loss of the first; from the third on each lies beyond the second
 * during which some neighbours refuse to change an entry that they just made.
 * Single neighbours are told in two rounds. If an admin wants so, an
 * announcement is refreshed by one more round each so many seconds.
 *
 * A node that takes over thousands of addresses must not flood its LAN, so the
 * rounds are paced: the first by one token bucket, which is quick because
 * traffic waits for it, all repeats by a slow one. A late round delays those
 * after it, so rounds of one address never come closer together than planned.
 *
 * Pure: the caller gives the time, in nanoseconds of any monotonic clock. All
 * calls take constant time.
 */

/** Most rounds of a plan. */
#define BURST_ROUNDS 5

/** Frames that are taken from the budget for each round: the request form and the reply form. */
#define BURST_FRAMES_PER_ROUND 2

/** What burst_wake_at() returns when nothing is planned. */
#define BURST_NEVER UINT64_MAX

/** struct burst_plan - the rounds of one kind of frames. */
struct burst_plan {
	int rounds;
	/** When each is due, after the first. */
	uint64_t offsets[BURST_ROUNDS];
	/** Frames a second for the first round, and for all repeats together. */
	unsigned int first_rate;
	unsigned int repeat_rate;
};

/** The plan for all neighbours at once: 5,000 frames a second at first, then 500. */
extern const struct burst_plan burst_announcement;

/** The plan for single neighbours, of which there may be many: 2,000 frames a second, then 500. */
extern const struct burst_plan burst_directed;

/** struct burst_node - one address's place in the schedule; part of the caller's own struct. */
struct burst_node {
	struct burst_node *previous;
	struct burst_node *next;
	uint64_t due;
	/** The round that comes next; negative when none does. */
	int round;
};

/** struct burst_bucket - a token bucket; one token is one frame. */
struct burst_bucket {
	uint64_t nanoseconds_per_token;
	/** When the bucket would be full if nothing were taken from it until then. */
	uint64_t full_at;
};

/** struct burst - the schedule of all addresses. Holds borrowed nodes, owns no memory. */
struct burst {
	const struct burst_plan *plan;
	/** Time between refreshes, or 0. */
	uint64_t refresh;
	/** By the round that comes next; the refresh comes after the last one of the plan. */
	struct {
		struct burst_node *head;
		struct burst_node *tail;
	} rounds[BURST_ROUNDS + 1];
	struct burst_bucket first;
	struct burst_bucket repeat;
};

/**
 * burst_init() - an empty schedule
 * @plan:	borrowed
 */
void burst_init(struct burst *burst, const struct burst_plan *plan);

/** burst_set_refresh() - refresh what has gone through its rounds from now on; @interval 0: never. */
void burst_set_refresh(struct burst *burst, uint64_t interval);

void burst_node_init(struct burst_node *node);

/**
 * burst_start() - plan all rounds of an address, the first for now
 *
 * A schedule under way starts over. The node must stay where it is in memory
 * until its last round or burst_cancel().
 */
void burst_start(struct burst *burst, struct burst_node *node, uint64_t now);

/** burst_cancel() - forget the rounds still to come; harmless when there are none. */
void burst_cancel(struct burst *burst, struct burst_node *node);

/**
 * burst_take() - the next address to announce
 *
 * Takes its frames from the budget and plans its next round.
 *
 * Return: the node whose frames go out now, or NULL when none is due or the
 * budget is spent; then burst_wake_at() says when to ask again.
 */
struct burst_node *burst_take(struct burst *burst, uint64_t now);

/**
 * burst_charge() - take from the budget what a round took beyond BURST_FRAMES_PER_ROUND
 * @node:	as burst_take() returned it, just now
 * @frames:	all frames of the round
 */
void burst_charge(struct burst *burst, const struct burst_node *node, unsigned int frames);

/** burst_wake_at() - Return: the earliest time at which burst_take() has work, or BURST_NEVER. */
uint64_t burst_wake_at(const struct burst *burst);

#endif
