/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_TABLE_H
#define STEELYARD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "burst.h"

/**
 * DOC: Which addresses are answered, on which port.
 *
 * A hash table with open addressing: a look-up costs the same at ten addresses
 * and at fifty thousand. The table has no lock of its own; its owner has one.
 */

/** struct entry - one address answered on one port. Owned by the table; stays put until removed. */
struct entry {
	/** IPv4 address in network order. */
	uint32_t address;
	/** Number of the port, see struct port. */
	uint32_t port;
	uint64_t requests_received;
	uint64_t replies_sent;
	uint64_t gratuitous_sent;
	struct burst_node burst;
};

/** struct table - a set of entries, by (port, address). */
struct table {
	struct entry **slots;
	/** A power of two, or 0 before the first entry. */
	size_t capacity;
	size_t count;
};

void table_init(struct table *table);

/** table_free() - free the table and all of its entries; they must be in no schedule. */
void table_free(struct table *table);

/** table_find() - Return: the entry, or NULL. */
struct entry *table_find(const struct table *table, uint32_t port, uint32_t address);

/**
 * table_insert() - the entry for an address, made if it is missing
 *
 * Return: the entry, new or old, or NULL when memory is out (nothing changed).
 */
struct entry *table_insert(struct table *table, uint32_t port, uint32_t address);

/** table_remove() - take out and free an entry of this table; it must be in no schedule. */
void table_remove(struct table *table, struct entry *entry);

#endif
