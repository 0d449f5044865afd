/* SPDX-License-Identifier: Apache-2.0 */
#include "entry.h"

#include <stdlib.h>

struct entry *entry_put(struct table *table, uint32_t port, const struct address *address)
{
	struct entry *entry = entry_find(table, port, address);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key.address = *address;
	entry->key.port = port;
	burst_node_init(&entry->burst);
	burst_node_init(&entry->directed);
	if (table_insert(table, &entry->key) < 0) {
		free(entry);
		return NULL;
	}
	return entry;
}

void entry_remove(struct table *table, struct entry *entry)
{
	table_remove(table, &entry->key);
	free(entry);
}

void entries_free(struct table *table)
{
	for (size_t i = 0; i < table->capacity; i++)
		free(table->slots[i]);
	table_free(table);
}
