/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_CLAIM_LIMIT_H
#define STEELYARD_CLAIM_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "ethernet.h"

/**
 * DOC: How often the owner is told that another host claims an address.
 *
 * Any host on the segment can forge claims, as many as its link carries. The
 * same claim is told now and then; of different ones, which cost a forger no
 * more, a token bucket lets through enough for a planned move of a thousand
 * addresses at once and little for long.
 *
 * Pure: the caller gives the time, in nanoseconds of any monotonic clock. No
 * memory is taken and every call takes constant time.
 */

/** Claims that may be told at once, and how many more each second. */
#define CLAIM_LIMIT_BURST 1024
#define CLAIM_LIMIT_RATE 256

/**
 * The same claim is told again after this long (ns): of an address that is
 * answered, or of one that is only observed, whose owner is asked three times
 * in a row.
 */
#define CLAIM_REPEAT_INTERVAL 1000000000ull
#define OBSERVED_REPEAT_INTERVAL 50000000ull

/** A power of two. Claims that share a place may be told more often, never less. */
#define CLAIM_LIMIT_PLACES 1024

/** struct claim_limit - what was told lately. */
struct claim_limit {
	uint64_t seed;
	/** When the bucket would be full if nothing were taken from it until then. */
	uint64_t full_at;
	struct {
		/** Of the claim; chance alone makes two alike. */
		uint64_t digest;
		uint64_t told_at;
	} places[CLAIM_LIMIT_PLACES];
};

/** struct claim - that a host has an address. */
struct claim {
	struct address address;
	uint32_t port;
	uint8_t mac[MAC_LENGTH];
	/** It tells so, rather than asks as that. */
	bool tells;
};

/**
 * claim_limit_init() - nothing was told
 * @seed:	random where others choose the claims, so that they cannot choose ones that collide
 */
void claim_limit_init(struct claim_limit *limit, uint64_t seed);

/** claim_limit_known() - Return: true if the owner was told this very claim less than @interval ago. */
bool claim_limit_known(const struct claim_limit *limit, const struct claim *claim,
		       uint64_t interval, uint64_t now);

/** claim_limit_take() - Return: true if the owner may be told of @claim now; then it counts as told. */
bool claim_limit_take(struct claim_limit *limit, const struct claim *claim, uint64_t now);

#endif
