/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_REQUESTERS_H
#define STEELYARD_REQUESTERS_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "ethernet.h"

/**
 * DOC: Who asked for an address lately, so that they can be told when it moves.
 *
 * Bounded twice, because a host on the segment can ask under any number of
 * names: each address remembers the last REQUESTERS_PER_ADDRESS, and all of
 * them together no more than the pool has room for. Constant time but for a
 * walk over the few of one address.
 */

/** With two gateways these fill one batch of frames. */
#define REQUESTERS_PER_ADDRESS 30

/** Room for all addresses together. */
#define REQUESTERS_MAX 8192

/** struct requester - a host that asked. */
struct requester {
	struct address address;
	uint8_t mac[MAC_LENGTH];
	/* Its neighbours among those of one address, the latest first. */
	struct requester *newer;
	struct requester *older;
	/* Whose it is; NULL while free. */
	struct requesters *of;
	/* Its neighbours in the order of all. */
	struct requester *newer_of_all;
	struct requester *older_of_all;
};

/** struct requesters - those of one address. All zero: nobody. */
struct requesters {
	struct requester *newest;
	struct requester *oldest;
	size_t count;
};

/** struct requester_pool - all of them. Owns its memory. */
struct requester_pool {
	struct requester *items;
	/* Places that were never used start here. */
	size_t used;
	struct requester *free;
	struct requester *newest;
	struct requester *oldest;
};

/** requester_pool_init() - Return: 0, or -1 when memory is out. */
int requester_pool_init(struct requester_pool *pool);

void requester_pool_free(struct requester_pool *pool);

/**
 * requesters_note() - remember that a host asked just now
 *
 * One that is known moves to the front and gets its new hardware address.
 * Otherwise the one that asked longest ago makes room, where there is none.
 */
void requesters_note(struct requester_pool *pool, struct requesters *requesters,
		     const struct address *address, const uint8_t mac[MAC_LENGTH]);

/** requesters_forget() - forget all who asked for one address. */
void requesters_forget(struct requester_pool *pool, struct requesters *requesters);

#endif
