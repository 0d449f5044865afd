/* SPDX-License-Identifier: Apache-2.0 */
#include "interfaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void interfaces_init(struct interfaces *all)
{
	memset(all, 0, sizeof(*all));
}

void interfaces_free(struct interfaces *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->items[i].addresses);
	free(all->items);
	interfaces_init(all);
}

static struct interface *by_index(const struct interfaces *all, int index)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].index == index)
			return &all->items[i];
	return NULL;
}

const struct interface *interfaces_by_name(const struct interfaces *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->items[i].name, name) == 0)
			return &all->items[i];
	return NULL;
}

const struct interface *interfaces_by_index(const struct interfaces *all, int index)
{
	return by_index(all, index);
}

bool interfaces_have_mac(const struct interfaces *all, const uint8_t mac[MAC_LENGTH])
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].has_mac && mac_equal(all->items[i].mac, mac))
			return true;
	return false;
}

static bool same_state(const struct interface *a, const struct interface *b)
{
	return strcmp(a->name, b->name) == 0 && a->flags == b->flags && a->master == b->master &&
	       a->has_mac == b->has_mac && mac_equal(a->mac, b->mac) &&
	       strcmp(a->kind, b->kind) == 0 && a->link == b->link &&
	       a->carrier_ups == b->carrier_ups && a->peers_notified == b->peers_notified;
}

static struct interface *append(struct interfaces *all)
{
	struct interface *items = realloc(all->items, (all->count + 1) * sizeof(*items));

	if (!items)
		return NULL;
	all->items = items;
	memset(&items[all->count], 0, sizeof(*items));
	return &items[all->count++];
}

int interfaces_put(struct interfaces *all, const struct interface *state)
{
	struct interface *item = by_index(all, state->index);
	struct interface old;

	if (!item)
		item = append(all);
	if (!item)
		return -ENOMEM;
	old = *item;
	*item = *state;
	item->addresses = old.addresses;
	item->address_count = old.address_count;
	item->generation = all->generation;
	if (old.index != state->index || !same_state(&old, state))
		all->changed = true;
	return 0;
}

static void remove_at(struct interfaces *all, size_t i)
{
	free(all->items[i].addresses);
	all->items[i] = all->items[--all->count];
	all->changed = true;
}

void interfaces_remove(struct interfaces *all, int index)
{
	const struct interface *item = by_index(all, index);

	if (item)
		remove_at(all, (size_t)(item - all->items));
}

static struct interface_address *find_address(struct interface *item,
					      const struct interface_address *address)
{
	for (size_t i = 0; i < item->address_count; i++) {
		struct interface_address *known = &item->addresses[i];

		if (known->family == address->family &&
		    known->prefix_length == address->prefix_length &&
		    memcmp(known->bytes, address->bytes, sizeof(known->bytes)) == 0)
			return known;
	}
	return NULL;
}

int interfaces_put_address(struct interfaces *all, int index,
			   const struct interface_address *address)
{
	struct interface *item = by_index(all, index);
	struct interface_address *known;

	if (!item)
		return 0;
	known = find_address(item, address);
	if (!known) {
		struct interface_address *grown =
			realloc(item->addresses, (item->address_count + 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		item->addresses = grown;
		known = &grown[item->address_count++];
		*known = *address;
		all->changed = true;
	}
	known->generation = all->generation;
	return 0;
}

static void remove_address_at(struct interfaces *all, struct interface *item, size_t i)
{
	item->addresses[i] = item->addresses[--item->address_count];
	all->changed = true;
}

void interfaces_remove_address(struct interfaces *all, int index,
			       const struct interface_address *address)
{
	struct interface *item = by_index(all, index);
	struct interface_address *known = item ? find_address(item, address) : NULL;

	if (known)
		remove_address_at(all, item, (size_t)(known - item->addresses));
}

void interfaces_begin(struct interfaces *all)
{
	all->generation++;
}

void interfaces_sweep(struct interfaces *all)
{
	for (size_t i = all->count; i-- > 0;)
		if (all->items[i].generation != all->generation)
			remove_at(all, i);
}

void interfaces_sweep_addresses(struct interfaces *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct interface *item = &all->items[i];

		for (size_t k = item->address_count; k-- > 0;)
			if (item->addresses[k].generation != all->generation)
				remove_address_at(all, item, k);
	}
}

int interfaces_copy(struct interfaces *to, const struct interfaces *from)
{
	interfaces_init(to);
	for (size_t i = 0; i < from->count; i++) {
		const struct interface *source = &from->items[i];

		if (interfaces_put(to, source) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < source->address_count; k++)
			if (interfaces_put_address(to, source->index, &source->addresses[k]) < 0)
				return -ENOMEM;
	}
	return 0;
}
