/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST_CAPACITY 64

/* The finalizer of SplitMix64: neighbouring numbers, the common case, spread over the whole range. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static uint64_t hash(const struct table *table, uint32_t port, const struct address *address)
{
	uint64_t halves[2];

	memcpy(halves, address->bytes, sizeof(halves));
	return mix(mix(halves[0] ^ table->seed) ^ halves[1] ^ (uint64_t)port << 32);
}

static size_t home(const struct table *table, const struct table_key *key)
{
	return hash(table, key->port, &key->address) & (table->capacity - 1);
}

static bool is_about(const struct table_key *key, uint32_t port, const struct address *address)
{
	return key->port == port && address_equal(&key->address, address);
}

/* The slot that holds the key, or the free one where it belongs. The table is never full. */
static size_t locate(const struct table *table, uint32_t port, const struct address *address)
{
	size_t slot = hash(table, port, address) & (table->capacity - 1);

	while (table->slots[slot] && !is_about(table->slots[slot], port, address))
		slot = (slot + 1) & (table->capacity - 1);
	return slot;
}

/* Makes room so that at least half of the slots stay free: probes stay short. */
static int reserve(struct table *table)
{
	struct table bigger = { .count = table->count, .seed = table->seed };

	if (table->capacity > 2 * table->count)
		return 0;
	bigger.capacity = table->capacity ? 2 * table->capacity : SMALLEST_CAPACITY;
	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < table->capacity; i++) {
		struct table_key *key = table->slots[i];

		if (key)
			bigger.slots[locate(&bigger, key->port, &key->address)] = key;
	}
	free(table->slots);
	*table = bigger;
	return 0;
}

void table_init(struct table *table, uint64_t seed)
{
	memset(table, 0, sizeof(*table));
	table->seed = seed;
}

void table_free(struct table *table)
{
	free(table->slots);
	table_init(table, table->seed);
}

struct table_key *table_find(const struct table *table, uint32_t port,
			     const struct address *address)
{
	return table->count ? table->slots[locate(table, port, address)] : NULL;
}

int table_insert(struct table *table, struct table_key *key)
{
	if (reserve(table) < 0)
		return -1;
	table->slots[locate(table, key->port, &key->address)] = key;
	table->count++;
	return 0;
}

/*
 * No tombstones: everything behind the gap whose way from its home slot leads
 * over the gap moves back into it, so look-ups stay short however often
 * addresses come and go.
 */
void table_remove(struct table *table, struct table_key *key)
{
	size_t mask = table->capacity - 1;
	size_t gap = locate(table, key->port, &key->address);

	for (size_t slot = (gap + 1) & mask; table->slots[slot]; slot = (slot + 1) & mask) {
		size_t from_home = (slot - home(table, table->slots[slot])) & mask;
		size_t from_gap = (slot - gap) & mask;

		if (from_home >= from_gap) {
			table->slots[gap] = table->slots[slot];
			gap = slot;
		}
	}
	table->slots[gap] = NULL;
	table->count--;
}
