/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_TABLE_H
#define STEELYARD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"

/**
 * DOC: A set of things, each about one address on one port.
 *
 * A hash table with open addressing: a look-up costs the same at ten addresses
 * and at fifty thousand. The table has no lock of its own; its owner has one.
 */

/** struct table_key - what a thing is about; the first member of the thing's struct, fixed while it is in a table. */
struct table_key {
	struct address address;
	/** Number of the port, see struct port. */
	uint32_t port;
};

/** struct table - borrowed things by their keys. Owns only its slots. */
struct table {
	struct table_key **slots;
	/** A power of two, or 0 before the first thing. */
	size_t capacity;
	size_t count;
	uint64_t seed;
};

/**
 * table_init() - an empty table
 * @seed:	random where others choose the addresses, so that they cannot choose ones that collide
 */
void table_init(struct table *table, uint64_t seed);

/** table_free() - free the slots, not the things. */
void table_free(struct table *table);

/** table_find() - Return: the key of the thing, or NULL. */
struct table_key *table_find(const struct table *table, uint32_t port,
			     const struct address *address);

/**
 * table_insert() - add a thing that is not there yet
 *
 * Return: 0, or -1 when memory is out (nothing changed).
 */
int table_insert(struct table *table, struct table_key *key);

/** table_remove() - take out a thing of this table; the caller frees it. */
void table_remove(struct table *table, struct table_key *key);

#endif
