/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_ENTRY_H
#define STEELYARD_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "burst.h"
#include "requesters.h"
#include "table.h"

/**
 * DOC: The addresses that are answered, and those that are only watched because
 * this host is the next to answer them; each with what was done for it.
 */

/** struct entry - one address on one port. Stays put until removed. */
struct entry {
	struct table_key key;
	/** False while it is only watched. */
	bool answered;
	uint64_t requests_received;
	uint64_t replies_sent;
	uint64_t gratuitous_sent;
	uint64_t directed_sent;
	struct burst_node burst;
	struct burst_node directed;
	struct requesters requesters;
};

/** entry_find() - Return: the entry of a table that holds nothing but entries, or NULL. */
static inline struct entry *entry_find(const struct table *table, uint32_t port,
				       const struct address *address)
{
	return (struct entry *)table_find(table, port, address);
}

/**
 * entry_put() - the entry for an address, made, and only watched, if it is missing
 *
 * Return: the entry, new or old, or NULL when memory is out (nothing changed).
 */
struct entry *entry_put(struct table *table, uint32_t port, const struct address *address);

/** entry_remove() - take out and free an entry of this table; it must be in no schedule and remember nobody. */
void entry_remove(struct table *table, struct entry *entry);

/** entries_free() - free the table and all of its entries; they must be in no schedule. */
void entries_free(struct table *table);

#endif
