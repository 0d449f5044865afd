/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST_CAPACITY 64

/* The finalizer of SplitMix64: neighbouring addresses, the common case, spread over the whole table. */
static uint64_t hash(uint32_t port, uint32_t address)
{
	uint64_t x = (uint64_t)port << 32 | address;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static size_t home(const struct table *table, const struct entry *entry)
{
	return hash(entry->port, entry->address) & (table->capacity - 1);
}

/* The slot that holds the key, or the free one where it belongs. The table is never full. */
static size_t locate(const struct table *table, uint32_t port, uint32_t address)
{
	size_t slot = hash(port, address) & (table->capacity - 1);

	while (table->slots[slot] &&
	       (table->slots[slot]->address != address || table->slots[slot]->port != port))
		slot = (slot + 1) & (table->capacity - 1);
	return slot;
}

/* Makes room so that at least half of the slots stay free: probes stay short. */
static int reserve(struct table *table)
{
	struct table bigger = { .count = table->count };

	if (table->capacity > 2 * table->count)
		return 0;
	bigger.capacity = table->capacity ? 2 * table->capacity : SMALLEST_CAPACITY;
	bigger.slots = calloc(bigger.capacity, sizeof(struct entry *));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < table->capacity; i++) {
		struct entry *entry = table->slots[i];

		if (entry)
			bigger.slots[locate(&bigger, entry->port, entry->address)] = entry;
	}
	free(table->slots);
	*table = bigger;
	return 0;
}

void table_init(struct table *table)
{
	memset(table, 0, sizeof(*table));
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->capacity; i++)
		free(table->slots[i]);
	free(table->slots);
	table_init(table);
}

struct entry *table_find(const struct table *table, uint32_t port, uint32_t address)
{
	return table->count ? table->slots[locate(table, port, address)] : NULL;
}

struct entry *table_insert(struct table *table, uint32_t port, uint32_t address)
{
	struct entry *entry = table_find(table, port, address);

	if (entry)
		return entry;
	if (reserve(table) < 0)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->address = address;
	entry->port = port;
	burst_node_init(&entry->burst);
	table->slots[locate(table, port, address)] = entry;
	table->count++;
	return entry;
}

/*
 * No tombstones: every entry behind the gap whose way from its home slot leads
 * over the gap moves back into it, so look-ups stay short however often
 * addresses come and go.
 */
void table_remove(struct table *table, struct entry *entry)
{
	size_t mask = table->capacity - 1;
	size_t gap = locate(table, entry->port, entry->address);

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
	free(entry);
}
