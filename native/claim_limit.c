/* SPDX-License-Identifier: Apache-2.0 */
#include "claim_limit.h"

#include <string.h>

#define NANOSECONDS_PER_CLAIM (1000000000ull / CLAIM_LIMIT_RATE)
/* How far ahead of now the bucket may be filled: all of it spent. */
#define SPENT (NANOSECONDS_PER_CLAIM * CLAIM_LIMIT_BURST)

/* FNV-1a over the fields, begun with a secret. */
static uint64_t add_bytes(uint64_t digest, const void *bytes, size_t length)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < length; i++)
		digest = (digest ^ byte[i]) * 0x100000001b3ull;
	return digest;
}

static uint64_t digest_of(const struct claim_limit *limit, const struct claim *claim)
{
	uint64_t digest = limit->seed ^ 0xcbf29ce484222325ull;
	uint8_t tells = claim->tells;

	digest = add_bytes(digest, &claim->address, sizeof(claim->address));
	digest = add_bytes(digest, &claim->port, sizeof(claim->port));
	digest = add_bytes(digest, claim->mac, sizeof(claim->mac));
	digest = add_bytes(digest, &tells, sizeof(tells));
	/* The low bits choose the place; let them depend on all others. */
	return digest ^ (digest >> 32);
}

void claim_limit_init(struct claim_limit *limit, uint64_t seed)
{
	memset(limit, 0, sizeof(*limit));
	limit->seed = seed;
}

bool claim_limit_known(const struct claim_limit *limit, const struct claim *claim,
		       uint64_t interval, uint64_t now)
{
	uint64_t digest = digest_of(limit, claim);
	size_t place = digest & (CLAIM_LIMIT_PLACES - 1);

	return limit->places[place].digest == digest && limit->places[place].told_at != 0 &&
	       now - limit->places[place].told_at < interval;
}

bool claim_limit_take(struct claim_limit *limit, const struct claim *claim, uint64_t now)
{
	uint64_t digest = digest_of(limit, claim);
	size_t place = digest & (CLAIM_LIMIT_PLACES - 1);

	if (limit->full_at < now)
		limit->full_at = now;
	if (limit->full_at - now + NANOSECONDS_PER_CLAIM > SPENT)
		return false;
	limit->full_at += NANOSECONDS_PER_CLAIM;
	limit->places[place].digest = digest;
	limit->places[place].told_at = now;
	return true;
}
