/* SPDX-License-Identifier: Apache-2.0 */
#include "observed.h"

#include <errno.h>
#include <stdlib.h>

int observed_add(struct table *observed, uint32_t port, const struct address *address)
{
	struct table_key *key;

	if (table_find(observed, port, address))
		return 0;
	key = malloc(sizeof(*key));
	if (!key)
		return -ENOMEM;
	key->address = *address;
	key->port = port;
	if (table_insert(observed, key) < 0) {
		free(key);
		return -ENOMEM;
	}
	return 1;
}

bool observed_remove(struct table *observed, uint32_t port, const struct address *address)
{
	struct table_key *key = table_find(observed, port, address);

	if (!key)
		return false;
	table_remove(observed, key);
	free(key);
	return true;
}

void observed_free(struct table *observed)
{
	for (size_t i = 0; i < observed->capacity; i++)
		free(observed->slots[i]);
	table_free(observed);
}
