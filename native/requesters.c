/* SPDX-License-Identifier: Apache-2.0 */
#include "requesters.h"

#include <stdlib.h>
#include <string.h>

int requester_pool_init(struct requester_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	/* Untouched memory costs nothing until somebody asks. */
	pool->items = calloc(REQUESTERS_MAX, sizeof(*pool->items));
	return pool->items ? 0 : -1;
}

void requester_pool_free(struct requester_pool *pool)
{
	free(pool->items);
	memset(pool, 0, sizeof(*pool));
}

static void link_newest(struct requester_pool *pool, struct requesters *of, struct requester *item)
{
	item->of = of;
	item->newer = NULL;
	item->older = of->newest;
	*(of->newest ? &of->newest->newer : &of->oldest) = item;
	of->newest = item;
	of->count++;
	item->newer_of_all = NULL;
	item->older_of_all = pool->newest;
	*(pool->newest ? &pool->newest->newer_of_all : &pool->oldest) = item;
	pool->newest = item;
}

static void unlink_item(struct requester_pool *pool, struct requester *item)
{
	struct requesters *of = item->of;

	*(item->newer ? &item->newer->older : &of->newest) = item->older;
	*(item->older ? &item->older->newer : &of->oldest) = item->newer;
	of->count--;
	*(item->newer_of_all ? &item->newer_of_all->older_of_all : &pool->newest) =
		item->older_of_all;
	*(item->older_of_all ? &item->older_of_all->newer_of_all : &pool->oldest) =
		item->newer_of_all;
	item->of = NULL;
}

static struct requester *find(const struct requesters *requesters, const struct address *address)
{
	for (struct requester *item = requesters->newest; item; item = item->older)
		if (address_equal(&item->address, address))
			return item;
	return NULL;
}

/* Return: a place that belongs to nobody. */
static struct requester *take_place(struct requester_pool *pool, struct requesters *requesters)
{
	struct requester *item = pool->free;

	if (requesters->count == REQUESTERS_PER_ADDRESS) {
		item = requesters->oldest;
		unlink_item(pool, item);
	} else if (item) {
		pool->free = item->older;
	} else if (pool->used < REQUESTERS_MAX) {
		item = &pool->items[pool->used++];
	} else {
		item = pool->oldest;
		unlink_item(pool, item);
	}
	return item;
}

void requesters_note(struct requester_pool *pool, struct requesters *requesters,
		     const struct address *address, const uint8_t mac[MAC_LENGTH])
{
	struct requester *item = find(requesters, address);

	if (item)
		unlink_item(pool, item);
	else
		item = take_place(pool, requesters);
	item->address = *address;
	memcpy(item->mac, mac, MAC_LENGTH);
	link_newest(pool, requesters, item);
}

void requesters_forget(struct requester_pool *pool, struct requesters *requesters)
{
	while (requesters->newest) {
		struct requester *item = requesters->newest;

		unlink_item(pool, item);
		item->older = pool->free;
		pool->free = item;
	}
}
